"""Counting operations, and sharing out the time of a step among them."""

import importlib
import sys

import numpy as np
import pytest

from pawsight.history import Epoch
from pawsight.tensorflow_setup import prepare_tensorflow

from .conftest import ROOT

FOLDER = ROOT / "benchmarks" / "time_to_accuracy"

pytestmark = pytest.mark.slow  # each needs TensorFlow


@pytest.fixture(scope="module")
def tf():
    prepare_tensorflow()
    return importlib.import_module("tensorflow")


@pytest.fixture
def load_module(tf, monkeypatch):
    """Import a module of the benchmark by its name."""
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in ("flops", "machine", "op_times"):
        sys.modules.pop(name, None)


def row(step, images_per_second):
    return Epoch(1, step, 9.0, images_per_second, 0.1, 0.6, 0.6, 0.6, 0.6, True)


def test_convolution_takes_a_multiply_add_for_every_result_and_weight(load_module, tf):
    @tf.function
    def convolve(images):
        return tf.nn.conv2d(images, tf.ones((3, 3, 5, 7)), 2, "SAME")

    graph = convolve.get_concrete_function(tf.TensorSpec((1, 8, 6, 5))).graph
    # 4 x 3 places, 7 channels each, 3 x 3 x 5 weights a channel.
    assert load_module("flops").multiply_adds(graph).total() == 4 * 3 * 7 * 45


def test_gradients_take_as_many_and_unused_values_take_none(load_module, tf):
    first, second = (tf.Variable(tf.ones((3, 3, *size))) for size in ((3, 4), (4, 6)))

    @tf.function
    def learn(images):
        with tf.GradientTape() as tape:
            x = tf.nn.conv2d(images, first, 1, "SAME")
            loss = tf.reduce_sum(tf.nn.conv2d(x, second, 1, "VALID") ** 2)
        return tape.gradient(loss, [first, second])

    graph = learn.get_concrete_function(tf.TensorSpec((1, 8, 8, 3))).graph
    # 64 places with 4 channels from 27 weights; 36 places with 6 channels from 36 weights.
    one, two = 64 * 4 * 27, 36 * 6 * 36
    # Forward and by the weights both; by what comes in only the second: the photos need none.
    assert load_module("flops").multiply_adds(graph).total() == 2 * one + 3 * two


def test_depthwise_convolution_has_one_channel_a_weight(load_module, tf):
    kernel = tf.Variable(tf.ones((3, 3, 4, 2)))

    @tf.function
    def learn(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.nn.depthwise_conv2d(images, kernel, (1, 1, 1, 1), "SAME") ** 2)
        return tape.gradient(loss, [images, kernel])

    graph = learn.get_concrete_function(tf.TensorSpec((1, 5, 5, 4))).graph
    assert load_module("flops").multiply_adds(graph).total() == 3 * (25 * 8 * 9)


@pytest.mark.parametrize("transposed", [False, True])
def test_matrix_product_takes_rows_times_columns_times_what_is_between(load_module, tf, transposed):
    @tf.function
    def multiply(one):
        return tf.matmul(one, tf.ones((4, 5)), transpose_a=transposed)

    graph = multiply.get_concrete_function(tf.TensorSpec((4, 3) if transposed else (3, 4))).graph
    assert load_module("flops").multiply_adds(graph).total() == 3 * 5 * 4


def test_graph_that_hides_another_is_refused(load_module, tf):
    inner = tf.function(lambda x: x @ x)
    outer = tf.function(lambda x: inner(x) + 1)
    graph = outer.get_concrete_function(tf.TensorSpec((3, 3))).graph
    with pytest.raises(ValueError, match="not counted here"):
        load_module("flops").multiply_adds(graph)


def test_moments_are_shared_by_the_operations_that_run_in_them(load_module):
    found = load_module("op_times").share_out(
        [(0.0, 4.0, "Conv2D"), (2.0, 6.0, "Relu"), (8.0, 9.0, "Conv2D"), (8.0, 9.0, "Conv2D")]
    )
    # Conv2D alone 2 s, both 2 s, Relu alone 2 s, a gap, two Conv2D at once 1 s.
    assert found == {"Conv2D": 4.0, "Relu": 3.0}


def test_kinds_follow_from_the_type_of_an_operation(load_module):
    kind_of = load_module("op_times").kind_of
    for op_type, kind in (
        ("_MklNativeConv2DBackpropFilter", "convolutions"),
        ("_MklFusedMatMul", "matrix products"),
        ("FusedBatchNormGradV3", "batch normalisation"),
        ("MaxPoolGrad", "pooling"),
        ("ReluGrad", "activations and sums"),
        ("ResourceApplyKerasMomentum", "update of the weights"),
        ("Cast", "casts between formats"),
        ("Transpose", "everything else"),
    ):
        assert kind_of(op_type) == kind


def test_profile_adds_up_to_the_clock_and_sees_what_runs(load_module, tf):
    one = tf.ones((512, 512))
    multiply = tf.function(lambda: tf.reduce_sum(one @ one @ one))
    seconds, kinds = load_module("op_times").op_times(lambda: float(multiply()), num_calls=3)
    assert np.isclose(sum(kinds.values()), seconds, rtol=0.01)
    assert kinds["matrix products"] > 0
    assert min(kinds.values()) >= 0


def test_time_of_the_steps_is_that_of_the_photos_at_their_rates(load_module):
    # 10 steps of 8 at 40 a second, 10 more at 20 a second, and a row whose steps were not timed.
    history = [row(10, 40.0), row(20, 20.0), row(21, 0.0)]
    assert load_module("flops").time_of_steps(history, 8) == (2.0 + 4.0, 160)


def test_peaks_are_measured(load_module, tf):
    flops = load_module("flops")
    assert flops.peak_of_matrices(tf.float32, side=64) > 0
    assert flops.peak_of_convolutions(tf.float32, ((8, 4),)) > 0


def test_findings_are_reported_with_their_shares(load_module):
    size = {
        "image_size": [64, 96],
        "share_of_steps": 0.25,
        "flop_per_photo": {"looking": 1e9, "training": 3e9, "convolutions_of_training": 3e9},
        "profile": {
            "step_seconds": 0.2,
            "seconds_by_kind": {"convolutions": 0.15, "pooling": 0.05},
            "num_steps": 3,
        },
    }
    text = load_module("flops").as_markdown(
        {
            "machine": "A machine.",
            "model": "swift",
            "precision": "bfloat16",
            "batch_size": 10,
            "minutes": 4.0,
            "seed": 0,
            "photos_shown": 1000,
            "step_seconds": 20.0,
            "flop_per_photo": 3e9,
            "flop_per_second": 150e9,
            "peaks": {"bfloat16": {"matrix_product": 600e9, "convolution": 300e9}},
            "sizes": [size],
        }
    )
    assert "150 GFLOP/s, **25% of the peak** and 50% of the best convolution" in text
    # 10 photos of 3 GFLOP in 0.15 s.
    assert "96x64 px, 25% of the steps" in text
    assert "Convolutions take 75% of a step, and run at 200 GFLOP/s" in text
    assert "| pooling | 25.0% |" in text
    assert "| a step, with the profiler watching | 200 ms |" in text

"""Muon: what orthogonalising does to a matrix, and what a step does to each kind of variable."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pawsight.training.muon import Muon, is_orthogonalised, orthogonalised


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(288, 64), (64, 288), (32, 32)])
def test_all_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    values = np.linalg.svd(orthogonalised(tf.constant(drawn(*shape))).numpy(), compute_uv=False)
    large = values[: int(0.9 * len(values))]  # of a square matrix some are too near 0 to be lifted
    assert large.min() > 0.45
    assert large.max() < 1.3


def test_the_singular_vectors_stay() -> None:
    matrix = drawn(96, 24)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    turned = orthogonalised(tf.constant(matrix)).numpy()
    in_their_basis = left.T @ turned @ right.T
    off_diagonal = in_their_basis - np.diag(np.diag(in_their_basis))
    assert np.abs(off_diagonal).max() < 0.03


def test_it_agrees_with_the_iteration_on_the_whole_matrix() -> None:
    matrix = drawn(200, 40)
    whole = keras.optimizers.Muon().zeropower_via_newtonschulz5(tf.constant(matrix), 4).numpy()
    assert np.abs(orthogonalised(tf.constant(matrix)).numpy() - whole).max() < 0.02


def test_a_matrix_of_zeros_stays_one() -> None:
    assert not orthogonalised(tf.zeros((12, 8))).numpy().any()


def test_only_kernels_after_the_first_layer_are_turned() -> None:
    assert is_orthogonalised((3, 3, 32, 64))
    assert not is_orthogonalised((3, 3, 3, 32))
    assert not is_orthogonalised((64,))
    assert not is_orthogonalised((256, 2))


def test_a_step_changes_a_kernel_by_the_rate_times_the_norm_it_was_drawn_with() -> None:
    kernel = keras.Variable(drawn(3, 3, 32, 64))
    before = kernel.value.numpy()
    optimizer = Muon(learning_rate=0.05, weight_decay=0.0)
    optimizer.build([kernel])
    optimizer.apply([tf.constant(1e-6 * drawn(3, 3, 32, 64)[::-1].copy())], [kernel])
    # The singular values come near 1, most of them a little below.
    # He initialisation draws 3*3*32*64 numbers of variance 2 / (3*3*32): a norm of sqrt(128).
    changed = np.linalg.norm(kernel.value.numpy() - before)
    assert changed == pytest.approx(0.05 * np.sqrt(128), rel=0.25)


def test_kernels_shrink_and_nothing_else_does() -> None:
    kernel, first, bias = (keras.Variable(drawn(*s)) for s in ((3, 3, 32, 64), (3, 3, 3, 32), (7,)))
    before = [variable.value.numpy() for variable in (kernel, first, bias)]
    optimizer = Muon(learning_rate=0.1, weight_decay=0.5)
    optimizer.build([kernel, first, bias])
    optimizer.apply([tf.zeros(one.shape) for one in before], [kernel, first, bias])
    assert kernel.value.numpy() == pytest.approx(0.95 * before[0], rel=1e-5)
    assert (first.value.numpy() == before[1]).all()
    assert (bias.value.numpy() == before[2]).all()


def test_what_is_no_kernel_follows_nesterov_momentum() -> None:
    ours, theirs = (keras.Variable(np.zeros(5, np.float32)) for _ in range(2))
    muon = Muon(learning_rate=0.03, rest_factor=10.0)
    sgd = keras.optimizers.SGD(0.3, momentum=0.9, nesterov=True)
    muon.build([ours])
    sgd.build([theirs])
    for step in range(4):
        gradient = tf.constant(drawn(4, 5)[step])
        muon.apply([gradient], [ours])
        sgd.apply([gradient], [theirs])
    assert ours.value.numpy() == pytest.approx(theirs.value.numpy(), rel=1e-5)


def test_defaults_are_those_of_the_built_in_recipe() -> None:
    optimizer = Muon()
    assert float(optimizer.learning_rate) == pytest.approx(0.12)
    found = (optimizer.momentum, optimizer.rest_factor, optimizer.kernel_decay)
    assert found == pytest.approx((0.9, 5 / 3, 1 / 60))

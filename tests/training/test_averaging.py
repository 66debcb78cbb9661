"""Two networks averaged: the choice by hand-made logits, the network, and a whole run."""

import shutil
import time
from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, ModelError
from pawsight.evaluation.calibration import fit_temperature
from pawsight.history import Epoch
from pawsight.inference.classifier import Classifier
from pawsight.models import averaged
from pawsight.models.model_files import load_model
from pawsight.models.onnx_convert import check_onnx, export_onnx
from pawsight.models.registry import build_model, find_network
from pawsight.probabilities import softmax
from pawsight.report.page import write_report
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.task import MULTI_LABEL, SINGLE_LABEL
from pawsight.training import averaging, transfer
from pawsight.training.average_choice import AverageChoice
from pawsight.training.averaging import Logits, choose
from pawsight.training.budget_fit import OutOfTimeError
from pawsight.training.custom_components import CustomComponents
from pawsight.training.plan import load_plan, save_plan
from pawsight.training.start import open_start
from pawsight.training.time_budget import TimeBudget
from pawsight.workflow import draw_sample, export, resume, train, verify

from .test_finetune import _RecordingProgress

pytestmark = pytest.mark.usefixtures("small_swift")

SECOND_SECONDS = averaging.second_seconds  # which `run` replaces for this module
OPTIONS = {"swift_size": [24, 32], "factors": [0.25, 2.0]}
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 40, 48, 3), dtype=np.uint8)


def _logits(truth, signal, seed):
    """Logits [N, 3] that are the truth times `signal` plus noise."""
    noise = np.random.default_rng(seed).normal(size=(len(truth), 3))
    return signal * np.eye(3)[truth] + noise


def test_networks_that_err_on_different_photos_are_averaged():
    truth = np.arange(600) % 3
    logits = Logits(_logits(truth, 1.5, 0), _logits(truth, 1.5, 1), truth)
    choice = choose(logits, SINGLE_LABEL, (144, 144))
    assert choice.is_kept and choice.num_photos == 600
    assert choice.average.accuracy > max(choice.first.accuracy, choice.second.accuracy)
    assert choice.average.log_loss < min(choice.first.log_loss, choice.second.log_loss)
    assert choice.accuracy_title == "accuracy"
    assert choice.in_words().startswith("The average of two networks is the model. Accuracy on 600")


def test_a_second_network_that_knows_nothing_changes_nothing():
    truth = np.arange(600) % 3
    logits = Logits(_logits(truth, 1.5, 0), _logits(truth, 0.0, 1), truth)
    choice = choose(logits, SINGLE_LABEL, (144, 144))
    assert not choice.is_kept
    assert "is not significantly better" in choice.in_words()


def test_a_copy_of_the_first_network_gains_nothing():
    truth = np.arange(60) % 3
    first = _logits(truth, 1.5, 0)
    choice = choose(Logits(first, first, truth), SINGLE_LABEL, (144, 144))
    assert not choice.is_kept
    assert choice.average.log_loss == pytest.approx(choice.first.log_loss)


def test_the_factors_calibrate_each_network_before_the_mean():
    truth = np.arange(600) % 3
    first, second = _logits(truth, 1.5, 0), _logits(truth, 1.5, 1)
    plain = choose(Logits(first, second, truth), SINGLE_LABEL, (144, 128))
    sharper = choose(Logits(10 * first, second, truth), SINGLE_LABEL, (144, 128))
    assert plain.options["swift_size"] == [144, 128]
    assert sharper.options["factors"][0] == pytest.approx(
        plain.options["factors"][0] / 10, rel=1e-2
    )
    assert sharper.average.log_loss == pytest.approx(plain.average.log_loss, abs=1e-4)


def test_several_labels_are_averaged_as_well():
    truth = (np.random.default_rng(2).random((400, 3)) < 0.5).astype(int)
    noise = np.random.default_rng(3).normal(size=(2, 400, 3))
    first, second = 2.0 * truth - 1.0 + noise
    choice = choose(Logits(first, second, truth), MULTI_LABEL, (144, 144))
    assert choice.is_kept and choice.average.log_loss < choice.first.log_loss


def test_where_classes_are_uneven_the_balanced_accuracy_is_compared():
    truth = np.repeat([0, 1, 2], [400, 60, 60])
    logits = Logits(_logits(truth, 1.5, 0), _logits(truth, 1.5, 1), truth)
    assert choose(logits, SINGLE_LABEL, (144, 144)).accuracy_title == "balanced accuracy"


def test_the_network_adds_the_logits_of_both_and_onnx_computes_the_same(tmp_path):
    model = averaged.NETWORK.with_options(OPTIONS).build(3, (40, 48))
    first, second = averaged.members(model)
    parts = [build_model("builtin", 3, (40, 48)), build_model("swift", 3, (24, 32))]
    for member, part in zip((first, second), parts, strict=True):
        member.set_weights(part.get_weights())
    images = IMAGES.astype(np.float32)
    found, one, other = (
        np.asarray(each(images, training=False)) for each in (model, first, second)
    )
    np.testing.assert_allclose(found, 0.25 * one + 2.0 * other, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(one, parts[0](images, training=False), rtol=1e-4, atol=1e-5)
    export_onnx(model, tmp_path / "both.onnx")
    assert check_onnx(model, tmp_path / "both.onnx", IMAGES) < 1e-4


@pytest.mark.parametrize(
    "options",
    [
        {},
        {**OPTIONS, "swift_size": [24]},
        {**OPTIONS, "swift_size": [24, 2.5]},
        {**OPTIONS, "swift_size": [24, 99_999]},
        {**OPTIONS, "factors": [1.0, float("nan")]},
        {**OPTIONS, "factors": [1.0, -1.0]},
        {**OPTIONS, "factors": "ab"},
    ],
)
def test_damaged_options_of_a_model_file_are_refused(options):
    with pytest.raises(ModelError, match=r"model\.json is damaged"):
        averaged.NETWORK.with_options(options)


def test_it_cannot_be_asked_for_by_name():
    with pytest.raises(ConfigError, match="Leave --model out"):
        find_network("builtin+swift").check_available()


@pytest.mark.parametrize(("spent", "minutes"), [(300, 4.0), (450, 2.0), (0, 4.0), (600, 1.2)])
def test_the_minutes_of_the_second_network_end_with_those_of_the_run(plan_of, spent, minutes):
    # 10 minutes, of which 30 s are for the end; after a resumption its clock begins at 0.
    plan = plan_of(minutes=10.0, second_seconds=240.0, finish_seconds=30.0)
    budget = TimeBudget(10, time.monotonic() - spent)
    settings = averaging._settings(TrainConfig(finetune="auto", learning_rate=0.1), plan, budget)
    assert settings.minutes == minutes
    assert (settings.model, settings.finetune, settings.learning_rate) == ("swift", False, None)
    assert settings.image_size == (160, 160)


@pytest.mark.parametrize(
    ("changes", "accuracy", "seconds"),
    [
        ({}, 0.9, 240.0),
        ({"minutes": 20.0}, 0.9, 480.0),
        ({"minutes": 5.0}, 0.9, None),
        ({}, 0.96, None),
        ({"epochs": 3}, 0.9, None),
        ({"finetune": True}, 0.9, None),
        ({"target_accuracy": 0.9}, 0.9, None),
    ],
)
def test_a_second_network_is_trained_where_there_is_time_and_something_to_gain(
    changes, accuracy, seconds
):
    fitted = SimpleNamespace(validation=None, score=lambda _: SimpleNamespace(accuracy=accuracy))
    config = TrainConfig(**{"model": "builtin", "finetune": "auto", **changes})
    assert averaging.second_seconds(config, fitted) == seconds


def test_reserved_seconds_are_not_left_within_the_block():
    budget = TimeBudget(10)
    with budget.reserved(240):
        assert budget.left_seconds == pytest.approx(360, abs=1)
        assert budget.spent_seconds == pytest.approx(0, abs=1)
    assert budget.left_seconds == pytest.approx(600, abs=1)


@pytest.fixture(scope="module")
def both(small_swift, tmp_path_factory):
    """A run of two networks, an epoch each; the average is kept whatever it scores."""
    folder = tmp_path_factory.mktemp("averaging")
    photos = draw_sample(folder / "pets", count=60)
    recorded = _RecordingProgress()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pawsight.report.page._draw", lambda facts: {})
        patch.setattr(averaging, "second_seconds", lambda *_: 1.0)
        patch.setattr(
            averaging, "choose", lambda *given: choose(*given).model_copy(update={"is_kept": True})
        )
        config = TrainConfig(image_size=(32, 32), epochs=1)
        run = train(photos, config, folder / "run", recorded)
        yield run, recorded.notes, photos


@pytest.mark.slow
def test_a_run_keeps_the_average_as_one_model(both, tmp_path):
    run, notes, _ = both
    choice = AverageChoice.load(run)
    assert choice is not None and choice.is_kept
    assert choice.in_words() in notes
    described = run.read_json(run.model_path)
    assert described["architecture"] == "builtin+swift"
    assert described["options"] == choice.options
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    logits = Classifier.load(run).logits(images)
    model = load_model(run)
    np.testing.assert_allclose(model(images.astype(np.float32), training=False), logits, atol=1e-3)
    assert export(run.path, "keras", tmp_path / "exported").path.is_dir()
    assert verify(run.path).holds


@pytest.mark.slow
def test_the_report_of_such_a_run_names_both_networks(both):
    run, _, _ = both
    page = write_report(run).read_text()
    assert "The average of two networks is the model" in page


@pytest.mark.slow
def test_killed_before_the_average_was_saved_it_ends_with_the_same_bits(both, tmp_path):
    run, _, _ = both
    shutil.copytree(run.path, tmp_path / "killed")
    shutil.rmtree(tmp_path / "killed" / "model")
    (tmp_path / "killed" / "second" / "averaging.json").unlink()
    write_json(tmp_path / "killed" / "state.json", {"stage": "training"})
    resumed = resume(tmp_path / "killed")
    assert resumed.onnx_path.read_bytes() == run.onnx_path.read_bytes()


@pytest.mark.slow
def test_training_goes_on_from_the_first_of_the_two(both):
    run, _, _ = both
    start = open_start(str(run.path))
    config = start.settings(TrainConfig(epochs=1))
    assert (config.model, config.finetune) == ("builtin", True)
    plan = load_plan(run)
    first, _ = averaged.members(load_model(run))
    for one, other in zip(first.get_weights(), start.build(plan).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_second_network_without_time_for_it_is_left_out_with_a_note(
    plan_of, tmp_path, monkeypatch, recorded
):
    asked = []

    def out_of_time(*given):
        asked.append(given[-1])
        assert (given[3].epoch, given[3].step, given[3].seconds) == (0, 0, 0.0)
        raise OutOfTimeError("7 min leave no time for fine-tuning.")

    monkeypatch.setattr(averaging, "second_seconds", lambda *_: 168.0)
    monkeypatch.setattr("pawsight.training.finetune.finetune", out_of_time)
    row = Epoch(1, 1, 12.5, 0.0, 0.0, 0.5, 0.5, 0.7, 0.5, True)
    given = Run(tmp_path), TrainConfig(minutes=7), None, row, TimeBudget(7), recorded
    model = transfer._finetuned(*given, components=None)
    assert model is None
    assert asked == [168.0, None]
    transfer._finetuned(*given, components=CustomComponents())
    assert asked == [168.0, None] * 2
    asked.clear()
    workers = SimpleNamespace(workers="two processes")  # which train one network together
    assert transfer._finetuned(*given, components=workers) is None
    assert asked == [None]
    assert recorded.notes[0].startswith("There is no time for a second network:")
    assert recorded.notes[1].startswith("7 min leave no time for fine-tuning. The fitted head")


def _scores(accuracy=0.9, log_loss=0.25):
    return {"accuracy": accuracy, "log_loss": log_loss}


def _choice(is_kept):
    return AverageChoice(
        first=_scores(),
        second=_scores(0.8, 0.5),
        average=_scores(0.95, 0.125),
        num_photos=1,
        accuracy_title="balanced accuracy",
        is_kept=is_kept,
        options={"swift_size": [24, 32], "factors": [0.25, 2.0]},
    )


def test_a_comparison_is_described_with_the_scores_of_all_three():
    scores = (
        "Balanced accuracy on 1 validation photo: the fine-tuned network 90.0 % (log loss 0.250); "
        "the network from scratch 80.0 % (log loss 0.500); their average 95.0 % (log loss 0.125)."
    )
    assert _choice(True).in_words() == f"The average of two networks is the model. {scores}"
    assert _choice(False).in_words() == (
        "The fine-tuned network alone is the model, since its average with a second network is "
        f"not significantly better. {scores}"
    )


def test_the_network_of_a_run_is_the_average_where_it_was_kept(tmp_path):
    run = Run(tmp_path)
    assert AverageChoice.load(run) is None
    assert averaging.network_of(run, "swift").name == "swift"
    for is_kept, name in ((False, "builtin"), (True, "builtin+swift")):
        write_json(run.averaging_path, _choice(is_kept).model_dump(mode="json"))
        assert AverageChoice.load(run) == _choice(is_kept)
        assert averaging.network_of(run, "builtin").name == name


def test_a_run_without_a_second_network_keeps_its_first(plan_of, tmp_path):
    save_plan(Run(tmp_path), plan_of(9))
    assert averaging.averaged_with_second(Run(tmp_path), None, None, "model", None, None) == "model"


@pytest.mark.parametrize(
    ("minutes", "accuracy", "seconds"),
    [(6.25, 0.9, 150.0), (6.2, 0.9, None), (10, 0.95, 240.0), (10, 0.951, None)],
)
def test_the_shortest_and_the_least_useful_second_network(minutes, accuracy, seconds):
    fitted = SimpleNamespace(validation=None, score=lambda _: SimpleNamespace(accuracy=accuracy))
    config = TrainConfig(model="builtin", finetune="auto", minutes=minutes)
    found = SECOND_SECONDS(config, fitted)
    assert found == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("given", "size"), [(None, (160, 160)), ((96, 224), (96, 160)), ((224, 96), (160, 96))]
)
def test_the_photos_of_the_second_network_are_never_enlarged(given, size):
    assert averaging._second_size(TrainConfig(image_size=given)) == size


def test_each_network_has_the_scores_that_it_has_in_the_place_of_the_other():
    truth = np.arange(600) % 3
    first, second = _logits(truth, 1.5, 0), _logits(truth, 0.7, 1)
    one = choose(Logits(first, second, truth), SINGLE_LABEL, (144, 128))
    other = choose(Logits(second, first, truth), SINGLE_LABEL, (144, 128))
    assert (one.first, one.second) == (other.second, other.first)
    assert one.average.log_loss == pytest.approx(other.average.log_loss)


def test_the_average_is_kept_where_its_gain_is_beyond_chance():
    found = set()
    for seed in (*range(24), 57):  # of the last the gain is just too small: 1.61 standard errors
        truth = np.arange(40) % 3
        logits = Logits(_logits(truth, 1.5, 2 * seed), _logits(truth, 1.2, 2 * seed + 1), truth)
        choice = choose(logits, SINGLE_LABEL, (144, 144))
        first, second = (one / fit_temperature(one, truth) for one in logits[:2])
        probs = [softmax(one) for one in (first, second, (first + second) / 2)]
        losses = [-np.log(one[np.arange(40), truth]) for one in probs]
        scores = [choice.first, choice.second, choice.average]
        assert [one.log_loss for one in scores] == pytest.approx([one.mean() for one in losses])
        right = [float(np.mean(one.argmax(axis=1) == truth)) for one in probs]
        assert [one.accuracy for one in scores] == pytest.approx(right)
        gains = losses[0] - losses[2]
        errors = gains.mean() / (gains.std(ddof=1) / np.sqrt(40))  # in standard errors
        # One-sided at 95 %, and not at the cost of right answers.
        assert choice.is_kept is bool(errors > 1.645 and right[2] >= right[0])
        found.add((errors > 1.645, errors > 3))
    assert found == {(False, False), (True, False), (True, True)}

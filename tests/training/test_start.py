"""What a run may start from, and the settings that it takes from there."""

import shutil

import onnx
import pytest

from pawsight.config import SplitConfig, TrainConfig
from pawsight.errors import ConfigError, RunError
from pawsight.models.description import ModelDescription
from pawsight.run_config import RunConfig
from pawsight.storage.atomic import write_json
from pawsight.training.plan import FittedHead, HeadPlan, save_plan
from pawsight.training.start import Start, open_start


def description(architecture="swift", **fields):
    values = {"class_names": ("cats", "dogs"), "image_size": (96, 80), "resize": "crop"}
    return ModelDescription(architecture=architecture, **values, **fields)


def start_of(architecture="swift", run=None, weights_path=None):
    return Start("there", "/models/there", description(architecture), run, weights_path)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "model.weights.h5"
    path.write_bytes(b"weights")
    return path


def test_weights_have_a_name_of_their_own(weights, tmp_path):
    key = start_of(weights_path=weights).key
    # sha256 of "weights", the first 32 digits.
    assert key == "start-9a129038d9a00aed0cf6a7ea059ca50a"
    weights.write_bytes(b"others")
    assert start_of(weights_path=weights).key != key
    assert start_of().key is None


def test_a_model_alone_gives_its_network_its_size_and_how_photos_are_resized():
    found = start_of().settings(TrainConfig(epochs=3))
    assert (found.model, found.image_size, found.resize) == ("swift", (96, 80), "crop")
    assert (found.epochs, found.start_from) == (3, "/models/there")
    assert "finetune" not in found.model_fields_set


def test_settings_that_are_given_win():
    found = start_of().settings(TrainConfig(model="swift", image_size=64, resize="pad"))
    assert (found.image_size, found.resize) == ((64, 64), "pad")
    assert start_of().settings(TrainConfig(model="auto")).model == "swift"
    with pytest.raises(ConfigError, match=r"there is a model 'swift'.*\n?.*with --model colab"):
        start_of().settings(TrainConfig(model="colab"))


def test_weights_decide_whether_and_at_which_size_they_are_trained(weights):
    found = start_of("swift", weights_path=weights).settings(TrainConfig(image_size=64))
    assert (found.image_size, found.finetune) == ((64, 64), False)
    found = start_of("builtin", weights_path=weights).settings(TrainConfig(finetune="auto"))
    assert (found.image_size, found.finetune) == ((96, 80), True)
    with pytest.raises(ConfigError, match="without fine-tuning its weights are not used"):
        start_of("builtin", weights_path=weights).settings(TrainConfig(finetune=False))
    # A network without pretrained weights is never fine-tuned, so the setting is no mistake.
    start_of("swift", weights_path=weights).settings(TrainConfig(finetune=False))
    with pytest.raises(ConfigError, match="both choose the initial weights"):
        start_of("builtin", weights_path=weights).settings(TrainConfig(weights="imagenet"))


def test_a_network_of_one_size_keeps_that_of_the_model(weights):
    start = start_of("colab", weights_path=weights)
    assert start.settings(TrainConfig()).image_size == (96, 80)
    assert start.settings(TrainConfig(image_size=(96, 80))).image_size == (96, 80)
    with pytest.raises(ConfigError, match=r"takes images of 96x80 pixels"):
        start.settings(TrainConfig(image_size=(80, 96)))


@pytest.fixture
def finished(make_colour_run):
    """A finished run of `swift` with weights, and settings of its own."""
    run = make_colour_run(architecture="swift")
    settings = TrainConfig(
        model="swift",
        image_size=48,
        resize="pad",
        epochs=7,
        learning_rate=0.5,
        keep_truncated=True,
        split=SplitConfig(folds=5, fold=3, seed=4),
    )
    config = RunConfig(source="/pets", name="pets", root="/pets", settings=settings)
    write_json(run.config_path, config.model_dump(mode="json"))
    write_json(run.state_path, {"stage": "complete"})
    run.weights_path.write_bytes(b"weights")
    return run


def test_an_earlier_run_gives_what_its_photos_and_its_network_need(finished):
    start = open_start(str(finished.path))
    assert (start.run.path, start.weights_path) == (finished.path, finished.weights_path)
    found = start.settings(TrainConfig(seed=9))
    assert (found.model, found.image_size, found.resize) == ("swift", (48, 48), "pad")
    assert (found.keep_truncated, found.seed) == (True, 9)
    assert (found.split.seed, found.split.folds, found.split.fold) == (4, None, 1)
    assert (found.epochs, found.learning_rate) == (None, None)  # as the recipe has them


def test_the_model_folder_and_an_export_belong_to_their_run(finished):
    exported = finished.path / "exports" / "keras"
    exported.mkdir(parents=True)
    (exported / "model.keras").write_bytes(b"whole")
    for place in (finished.path / "model", finished.weights_path, exported / "model.keras"):
        start = open_start(str(place))
        assert start.run.path == finished.path
        assert start.weights_path == finished.weights_path
        assert start.place == str(place)


def test_a_copy_of_the_model_is_of_no_known_run(finished, tmp_path):
    copied = shutil.copytree(finished.path / "model", tmp_path / "copied")
    start = open_start(str(copied))
    assert start.run is None
    assert start.weights_path == copied / "model.weights.h5"
    # The weights beside an ONNX file are those that it was made from.
    assert open_start(str(copied / "model.onnx")).weights_path == copied / "model.weights.h5"
    (copied / "model.weights.h5").unlink()
    assert open_start(str(copied)).weights_path == copied / "model.onnx"
    assert open_start(str(copied / "model.onnx")).weights_path == copied / "model.onnx"
    (copied / "model.keras").write_bytes(b"whole")
    assert open_start(str(copied)).weights_path == copied / "model.keras"


def test_an_export_whose_format_has_a_model_json_of_its_own_is_described_beside_it(
    finished, tmp_path
):
    copied = shutil.copytree(finished.path / "model", tmp_path / "copied")
    (copied / "model.json").rename(copied / "pawsight.json")
    (copied / "model.json").write_text('{"format": "graph-model"}')
    for place in (copied, copied / "model.weights.h5"):
        start = open_start(str(place))
        assert start.description.class_names == ("red", "green", "blue")
        assert start.weights_path == copied / "model.weights.h5"


def test_what_nothing_can_start_from_is_named(finished, tmp_path, make_colour_run):
    with pytest.raises(ConfigError, match=r"There is no .*gone to start from"):
        open_start(str(tmp_path / "gone"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"There is no model in .*empty"):
        open_start(str(tmp_path / "empty"))
    (tmp_path / "empty" / "weights.h5").touch()
    with pytest.raises(ConfigError, match=r"There is no model\.json beside .*weights\.h5"):
        open_start(str(tmp_path / "empty" / "weights.h5"))
    text = finished.model_path.parent / "notes.txt"
    text.touch()
    copied = shutil.copytree(finished.path / "model", tmp_path / "copied")
    with pytest.raises(ConfigError, match=r"There are no weights in .*notes\.txt"):
        open_start(str(copied / "notes.txt"))
    several = make_colour_run("several", task="multi-label", format_version=2)
    with pytest.raises(ConfigError, match="is a multi-label model"):
        open_start(str(several.path / "model"))
    write_json(finished.state_path, {"stage": "training"})
    with pytest.raises(RunError, match=r"is not finished, so that training cannot start from it"):
        open_start(str(finished.path))


def test_a_model_that_does_not_name_its_network_needs_its_name(make_colour_run):
    run = make_colour_run(architecture=None)
    folder = str(run.path / "model")
    for name in (None, "auto"):
        with pytest.raises(ConfigError, match="does not name the network of the model"):
            open_start(folder, name)
    assert open_start(folder, "swift").network.name == "swift"


def test_the_error_of_the_initial_weights_is_that_of_the_best_epoch(finished):
    start = open_start(str(finished.path))
    assert start._error() is None  # there is no history
    head = "epoch,step,seconds,images_per_second,learning_rate,train_loss,train_accuracy,"
    head += "validation_loss,validation_accuracy,is_best\n"
    rows = "1,9,1.0,1.0,0.1,0.5,0.5,0.5,0.75,True\n2,18,2.0,1.0,0.1,0.5,0.5,0.5,0.5,False\n"
    finished.history_path.write_text(head + rows)
    assert start._error() == 0.25
    assert start_of()._error() is None


def test_training_starts_with_the_weights_and_what_is_known_of_them(weights):
    config = TrainConfig(model="swift", precision="bfloat16")
    start = start_of("swift", weights_path=weights)
    found = start.warm_start(config)
    assert (found.weights, found.precision.name) == (start.key, "bfloat16")
    assert (found.row, found.error, found.second_seconds) == (None, None, None)
    tuned = start_of("builtin", weights_path=weights).warm_start(config)
    assert (tuned.weights, tuned.second_seconds) == (start.key, None)
    # Its export has more layers, and runs more slowly than a validation in this format.
    assert tuned.finish_seconds > found.finish_seconds
    assert tuned.evaluation_slowdown > found.evaluation_slowdown


def test_a_head_on_an_unchanged_network_is_fitted_anew(make_colour_run, plan_of, tmp_path):
    run = make_colour_run(architecture="builtin")
    config = RunConfig(source="/pets", name="pets", root="/pets", settings=TrainConfig())
    write_json(run.config_path, config.model_dump(mode="json"))
    write_json(run.state_path, {"stage": "complete"})
    run.weights_path.write_bytes(b"weights")
    fields = plan_of(9).model_dump(include=set(HeadPlan.model_fields) - {"kind"})
    head = FittedHead(views=("as it is",), num_features=4, strength=0.1, cross_validation=())
    save_plan(run, HeadPlan(**fields, head=head))
    assert open_start(str(run.path)).weights_path is None
    save_plan(run, plan_of(9))
    assert open_start(str(run.path)).weights_path == run.weights_path
    # Of an ONNX file alone its outputs show it.
    alone = tmp_path / "alone.onnx"
    shutil.copy(run.model_path, tmp_path / "model.json")
    model = onnx.load(str(run.onnx_path))
    for name, path in (("mean", alone), ("features", None)):
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, ["n", 3]))
        onnx.save(model, str(alone))
        assert open_start(str(alone)).weights_path == path
    shutil.copy(make_colour_run("other").model_path, tmp_path / "model.json")
    assert open_start(str(alone)).weights_path == alone  # of a network without weights of its own
    alone.write_bytes(b"no graph")
    shutil.copy(run.model_path, tmp_path / "model.json")
    with pytest.raises(ConfigError, match=r"alone\.onnx cannot be read as ONNX"):
        open_start(str(alone))

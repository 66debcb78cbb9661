"""Several labels a photo, from a table to the outputs: red circles, blue squares, both or none."""

import csv
import json
import random
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

import pawsight
from pawsight import workflow
from pawsight.cli.main import app
from pawsight.config import SourceConfig, TrainConfig
from pawsight.errors import ConfigError
from pawsight.evaluation.results import Evaluation, LabelMetrics
from pawsight.models.description import ModelDescription
from pawsight.runs import Run
from pawsight.workflow.exports import export_all
from pawsight.workflow.photo_sets import checked_model

NUM_EACH = 20  # photos of each combination of labels


def _draw(number, has_circle, has_square):
    chance = random.Random(number)
    image = Image.new("RGB", (64, 64), tuple(chance.randrange(150, 256) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    if has_circle:
        x, y = chance.randrange(2, 36), chance.randrange(2, 36)
        pen.ellipse((x, y, x + 24, y + 24), fill=(210, 30, 30))
    if has_square:
        x, y = chance.randrange(2, 38), chance.randrange(2, 38)
        pen.rectangle((x, y, x + 22, y + 22), fill=(30, 40, 200))
    return image


def draw_shapes(folder):
    folder.mkdir(parents=True)
    rows = []
    for number in range(4 * NUM_EACH):
        circle, square = number % 2, number // 2 % 2
        _draw(number, circle, square).save(folder / f"{number:02}.png")
        rows.append((f"{number:02}.png", circle, square))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "circle", "square"), *rows])


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def shapes(cache, make_once):
    return make_once("workflow/shapes", draw_shapes)


@pytest.fixture(scope="session")
def run(shapes, make_once, tmp_path_factory):
    """A run on them; nothing may change it."""

    def train(folder):
        several = SourceConfig(multi_label=True)
        config = TrainConfig(source=several, model="builtin", image_size=(64, 64))
        workflow.train(shapes / "labels.csv", config, folder)

    trained = make_once("workflow/shapes-run", train)
    return Run(shutil.copytree(trained, tmp_path_factory.mktemp("runs") / "run"))


def test_labels_of_new_photos_are_found(run):
    classifier = pawsight.load(run)
    pictures = [_draw(1000 + i, i % 2, i // 2 % 2) for i in range(40)]
    found = [one.labels for one in classifier.predict(pictures)]
    wanted = [(("circle",) * (i % 2) + ("square",) * (i // 2 % 2)) for i in range(40)]
    assert sum(one == other for one, other in zip(found, wanted, strict=True)) >= 36


def test_a_prediction_has_all_labels_and_a_probability_of_each(run):
    both, none = pawsight.load(run).predict([_draw(2003, 1, 1), _draw(2004, 0, 0)])
    assert (both.label, both.answer, both.labels) == ("circle;square",) * 2 + (
        ("circle", "square"),
    )
    assert min(both.probabilities.values()) > 0.5  # so they do not sum to 1
    assert both.probability == min(both.probabilities.values())
    assert (none.label, none.answer, none.labels) == ("", "", ())
    assert none.probability == 1 - max(none.probabilities.values())


def test_model_json_names_the_task_and_a_threshold_for_each_label(run):
    written = json.loads(run.model_path.read_text())
    assert (written["format_version"], written["task"]) == (2, "multi-label")
    assert len(written["thresholds"]) == 2
    assert not run.out_of_distribution_path.exists()
    assert ModelDescription.load(run).labelling.thresholds == tuple(written["thresholds"])


def test_evaluation_has_metrics_of_each_label(run):
    found = Evaluation.load(run).main
    assert found.task == "multi-label"
    assert found.scores["average_precision"] > 0.9
    assert all(isinstance(one, LabelMetrics) for one in found.per_class.values())
    truths = {row["truth"] for row in rows_of(run.predictions_path("test"))}
    assert truths <= {"", "circle", "square", "circle;square"}


def test_evaluation_on_other_photos_takes_the_task_of_the_model(run, tmp_path):
    draw_shapes(tmp_path / "others")
    found = workflow.evaluate(run.path, tmp_path / "others" / "labels.csv")
    assert found["parts"]["test"]["n"] == 4 * NUM_EACH
    assert found["parts"]["test"]["task"] == "multi-label"


def test_verification_finds_nothing_wrong(run):
    assert workflow.verify(run.path).problems == ()


def test_predictions_are_written_with_labels_in_one_cell(run, shapes, tmp_path):
    done = workflow.predict_folder([shapes / "03.png"], run, tmp_path / "found.csv")
    assert done.num_read == 1
    (row,) = rows_of(tmp_path / "found.csv")
    assert (row["label"], row["answer"]) == ("circle;square", "circle;square")
    workflow.predict_folder([shapes / "03.png"], run, tmp_path / "found.json")
    (row,) = json.loads((tmp_path / "found.json").read_text())
    assert row["label"] == "circle;square"
    assert set(row) >= {"circle", "square"}


def test_onnx_export_has_the_sigmoid_inside(run, shapes, tmp_path):
    from onnxruntime import InferenceSession

    exported = workflow.export(run, "onnx", tmp_path / "onnx")
    assert exported.agreement == 1.0
    assert exported.accuracy == exported.model_accuracy
    session = InferenceSession(tmp_path / "onnx" / "model.onnx")
    images = np.asarray(Image.open(shapes / "03.png").convert("RGB"), np.float32)[None]
    found = session.run(["probabilities"], {"images": images})[0][0]
    (known,) = pawsight.load(run).predict(shapes / "03.png")
    np.testing.assert_allclose(found, list(known.probabilities.values()), atol=1e-5)
    readme = (tmp_path / "onnx" / "README.md").read_text()
    assert "sigmoid" in readme
    assert "thresholds = [" in readme


def test_report_shows_each_label_and_nothing_about_one_class(run):
    page = run.report_path.read_text()
    for text in ("Label by label", "Mean average precision", "figure-thresholds", "circle"):
        assert text in page
    assert '<div class="wide"><table>' in page  # scrolls on a phone, not the whole page
    for text in ("figure-confusion", "cross-validate", "commonest class"):
        assert text not in page


def test_what_is_for_one_class_is_refused(run, shapes, tmp_path, capsys):
    with pytest.raises(ConfigError, match="cannot be sorted"):
        workflow.sort(shapes, tmp_path / "sorted", run)
    with pytest.raises(ConfigError, match="Leave --max-error out"):
        pawsight.load(run, max_error=0.01)
    with pytest.raises(ConfigError, match="Cross-validation is for one label"):
        workflow.cross_validate(
            shapes / "labels.csv", TrainConfig(source=SourceConfig(multi_label=True))
        )
    with pytest.raises(ConfigError, match="is a multi-label model"):
        workflow.train(shapes / "labels.csv", TrainConfig(start_from=str(run.path)))
    with pytest.raises(ConfigError, match="checked only where each photo has one label"):
        workflow.doubts(run.path)
    for settings, words in (
        ({"model": "colab"}, "'colab' is for one label a photo"),
        ({"target_accuracy": 0.9}, "--target-accuracy is for one label"),
    ):
        config = TrainConfig(source=SourceConfig(multi_label=True), **settings)
        with pytest.raises(ConfigError, match=words):
            checked_model(config)


@pytest.mark.slow
def test_other_exports_give_the_same_labels(run, tmp_path):
    # Those that are made from the model in Keras share its sigmoid: exporting/test_plain_keras.py.
    exact, page, rounded = export_all(run, ["openvino", "web", "onnx-int8"], tmp_path)
    assert exact.agreement == page.agreement == 1.0
    assert max(exact.largest_difference, page.largest_difference) < 1e-4
    assert rounded.agreement >= 0.75  # of 12 photos, of a model that saw only 56
    card = json.loads((page.path / "card.json").read_text())
    assert card["task"] == "multi-label"
    assert len(card["thresholds"]) == 2
    for one in (exact, rounded):
        assert "thresholds = [" in (one.path / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("small_swift")
@pytest.mark.parametrize("settings", [{"model": "swift"}, {"model": "builtin", "finetune": True}])
def test_a_network_is_trained_on_several_labels(shapes, tmp_path, settings):
    several = SourceConfig(multi_label=True)
    config = TrainConfig(source=several, image_size=(64, 64), epochs=2, **settings)
    trained = workflow.train(shapes / "labels.csv", config, tmp_path / "run")
    assert json.loads(trained.plan_path.read_text())["task"] == "multi-label"
    assert json.loads(trained.plan_path.read_text())["label_smoothing"] == 0
    found = Evaluation.load(trained).main
    assert found.scores["average_precision"] > 0.7  # at random 0.5
    (row,) = pawsight.load(trained).predict([_draw(3000, 1, 1)])
    assert set(row.labels) <= {"circle", "square"}
    assert "share of right labels" in trained.report_path.read_text().lower()
    lines = [line for line in trained.log_path.read_text().splitlines() if "in validation" in line]
    rows = [line for line in lines if "  Epoch " in line or "The average of" in line]
    assert len(rows) == (3 if "finetune" in settings else 2)
    assert all(": share of right labels " in line for line in rows)


def test_a_model_of_one_class_is_not_compared_with_several_labels(shapes):
    from pawsight.models import builtin

    with pytest.raises(ConfigError, match="Leave --multi-label out"):
        workflow.evaluate(
            builtin.folder(), shapes / "labels.csv", source_config=SourceConfig(multi_label=True)
        )


def test_sort_refuses_it_before_it_asks_for_a_terminal(run, shapes, tmp_path):
    from typer.testing import CliRunner

    named = ["sort", str(shapes), "--into", str(tmp_path / "sorted"), "--model", str(run.path)]
    done = CliRunner().invoke(app, named)
    assert done.exit_code == 2
    assert "several labels" in done.stderr


def test_commands_take_it(run, shapes, tmp_path):
    from typer.testing import CliRunner

    runner = CliRunner()
    done = runner.invoke(app, ["audit", str(shapes / "labels.csv"), "--multi-label", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["classes"] == {"": 20, "circle": 40, "square": 40}
    done = runner.invoke(app, ["evaluate", str(run.path)])
    assert done.exit_code == 0, done.output
    assert "mean average precision" in done.stdout
    assert "threshold" in done.stdout

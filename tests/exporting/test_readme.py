"""What the README beside an export says of it."""

from pathlib import Path

import pytest

from pawsight.exporting.comparison import Exported
from pawsight.exporting.formats import FORMATS
from pawsight.exporting.model_folder import ModelFolder
from pawsight.exporting.readme import write_readme


@pytest.mark.parametrize(
    ("accuracy", "said"),
    [
        (0.9, "That costs 5.00 points of accuracy on these photos."),
        (0.96, "That gains 1.00 points of accuracy on these photos."),
        (0.95, "That costs no accuracy on these photos."),
    ],
)
def test_it_reports_what_8_bits_cost(colour_run, tmp_path, accuracy, said):
    exported = Exported(Path("out"), "onnx-int8", 100, 0.1, 0.9, 1, 0.001, 0.002, accuracy, 0.95)
    model = ModelFolder.open(colour_run)
    write_readme(model, FORMATS["onnx-int8"], exported, tmp_path, None)
    assert said in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("resize", "line"),
    [
        ("stretch", "photo = photo.resize((8, 8), Image.Resampling.BILINEAR)"),
        ("crop", "photo = ImageOps.fit(photo, (8, 8), Image.Resampling.BILINEAR)"),
        ("pad", "photo = ImageOps.pad(photo, (8, 8), Image.Resampling.BILINEAR, (128, 128, 128))"),
    ],
)
def test_its_code_resizes_as_the_model_was_trained(make_colour_run, tmp_path, resize, line):
    exported = Exported(Path("out"), "onnx", 100, 0.0, 1.0, 1, 0.001, 0.002, 0.9, 0.9)
    model = ModelFolder.open(make_colour_run(resize=resize))
    write_readme(model, FORMATS["onnx"], exported, tmp_path, None)
    assert line in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_it_describes_the_score_of_photos_unlike_the_training_set(run, colour_run, tmp_path):
    exported = Exported(Path("out"), "onnx", 100, 0.0, 1.0, 1, 0.001, 0.002, 0.9, 0.9)
    texts = []
    for one in (run, colour_run):  # only the first has a detector
        write_readme(
            ModelFolder.open(one).with_ood_score(), FORMATS["onnx"], exported, tmp_path, None
        )
        texts.append((tmp_path / "README.md").read_text(encoding="utf-8"))
    assert ["- Output `ood_score`" in text for text in texts] == [True, False]


def test_its_code_scales_images_where_a_format_takes_another_range(colour_run, tmp_path):
    exported = Exported(Path("out"), "onnx", 100, 0.0, 1.0, 1, 0.001, 0.002, 0.9, 0.9)
    model = ModelFolder.open(colour_run).with_input_range((-1, 1))
    write_readme(model, FORMATS["onnx"], exported, tmp_path, None, "pawsight.json")
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "RGB\n  from -1 to 1; any other scaling is inside" in text
    assert f"images = -1 + images * {2 / 255!r}\n" in text
    assert "`pawsight.json` has the same description for programs" in text

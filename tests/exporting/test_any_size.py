"""The ONNX file with the resizing inside."""

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import pawsight
from pawsight.exporting.any_size import add_any_size
from pawsight.exporting.model_folder import ModelFolder


@pytest.fixture
def striped_photos(tmp_path):
    """Photos of several shapes whose left third is red, the rest blue and lime above each other."""
    paths = []
    for number, (width, height) in enumerate([(60, 32), (32, 60), (8, 8), (5, 7), (401, 90)]):
        image = Image.new("RGB", (width, height), "blue")
        image.paste("lime", (0, 0, width, height // 3))
        image.paste("red", (0, 0, width // 3, height))
        paths.append(tmp_path / f"{number}.png")
        image.save(paths[-1])
    return paths


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_it_predicts_for_whole_photos_what_pawsight_predicts(
    make_colour_run, striped_photos, tmp_path, resize
):
    run = make_colour_run(resize=resize, image_size=[8, 8])
    classifier = pawsight.load(run)
    difference = add_any_size(ModelFolder.open(run), tmp_path, classifier, striped_photos)
    assert difference < 0.01
    session = onnxruntime.InferenceSession(str(tmp_path / "photo.onnx"))
    for path in striped_photos:
        photo = np.asarray(Image.open(path))[None]
        found = session.run(["probabilities"], {"photo": photo})[0][0]
        known = classifier.predict(path)[0].probabilities
        assert dict(zip(known, found, strict=True)) == pytest.approx(known, abs=0.01)


def test_a_file_that_predicts_something_else_is_not_kept(make_colour_run, striped_photos, tmp_path):
    stretched = make_colour_run("stretched")
    padded = ModelFolder.open(make_colour_run("padded", resize="pad"))
    assert add_any_size(padded, tmp_path, pawsight.load(stretched), striped_photos) is None
    assert not (tmp_path / "photo.onnx").exists()

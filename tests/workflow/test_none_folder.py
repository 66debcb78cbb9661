"""A folder none/ or other/ beside the classes holds photos of none of them."""

import shutil

import numpy as np
import pytest
from PIL import Image

from pawsight.config import SourceConfig, TrainConfig
from pawsight.data.auditing.findings import Audit
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import DataError
from pawsight.evaluation.none_measurement import NoneMeasurement
from pawsight.evaluation.ood_fit import dividing_threshold
from pawsight.progress import Silent
from pawsight.workflow import audit, evaluate, train, verify


@pytest.fixture(params=["none", "Other", "neither"])
def name(request):
    return request.param


def put(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")
    return root


def labels(root, progress=None, **settings):
    found = scan(fetch(root, Silent()), progress or Silent(), config=SourceConfig(**settings))
    return found.class_names, found.none_paths


def test_the_folder_is_no_class_and_named(tmp_path, recorded, name):
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg", f"{name}/c.jpg", f"{name}/d.jpg")
    assert labels(tmp_path, recorded) == (("cats", "dogs"), (f"{name}/c.jpg", f"{name}/d.jpg"))
    assert any(f"2 photos of {name} are of none of the classes" in note for note in recorded.notes)


def test_a_class_of_that_name_that_the_user_names_is_one(tmp_path):
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg", "other/c.jpg")
    assert labels(tmp_path, classes="cats,dogs,other")[0] == ("cats", "dogs", "other")
    assert labels(tmp_path, merge="pets=cats+other")[0] == ("dogs", "pets")
    assert labels(tmp_path, none=())[0] == ("cats", "dogs", "other")


def test_one_of_two_classes_is_a_class(tmp_path):
    put(tmp_path, "cats/a.jpg", "other/c.jpg")
    assert labels(tmp_path) == (("cats", "other"), ())


def test_a_class_named_as_an_answer_is_named_before_the_photos_are_read(tmp_path, recorded):
    put(tmp_path, "unsure/a.jpg", "none/b.jpg", "none/c.jpg")
    with pytest.raises(DataError):  # no photo can be read
        train(tmp_path, progress=recorded)
    ambiguous = [note for note in recorded.notes if "has the name of the answer" in note]
    assert len(ambiguous) == 2
    assert ambiguous[1].endswith("To rename it: --merge 'unsure photos=unsure'")


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_photos_of_none_are_measured_and_reported(photos, tmp_path, recorded):
    folder = shutil.copytree(photos, tmp_path / "pets")
    random = np.random.default_rng(0)
    (folder / "none").mkdir()
    for i in range(10):
        noise = random.integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(noise).save(folder / "none" / f"{i}.png")
    (folder / "none" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    config = TrainConfig(model="builtin", image_size=(48, 48))
    run = train(folder, config, tmp_path / "run", progress=recorded)
    found = NoneMeasurement.model_validate(run.read_json(run.none_path))
    assert (found.num_photos, found.num_chosen_on) == (10, 0)
    assert found.num_refused >= 9  # noise is unlike any drawn pet
    assert found.sentence() in recorded.notes
    assert "get the answer none" in run.report_path.read_text()
    assert run.read_json(run.model_path)["class_names"] == ["cats", "dogs"]
    assert verify(run.path).holds
    assert evaluate(run.path, folder)["parts"]["test"]["n"] == 80


def test_the_sentence_has_its_interval():
    found = NoneMeasurement(num_photos=10, num_refused=10, num_chosen_on=0)
    assert found.sentence() == (
        "Of 10 photos of none of the classes, 10 get the answer none: 100.0 % "
        "(95 % interval 72.2 to 100.0)."
    )


def test_the_threshold_refuses_as_few_own_photos_as_foreign_ones_allow():
    own = np.arange(1001.0)
    assert dividing_threshold(own, np.full(30, 5000.0)) == pytest.approx(995)  # all far away
    assert dividing_threshold(own, np.full(30, 960.0)) == pytest.approx(957.5)  # all near
    assert dividing_threshold(own, np.full(30, 100.0)) == pytest.approx(995)  # none can be found


def test_an_audit_reads_the_photos_of_none_too(tmp_path):
    for number, kind in enumerate(("cats", "dogs", "none")):
        (tmp_path / kind).mkdir()
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / kind / "a.png")
    (tmp_path / "none" / "broken.png").write_bytes(b"x")
    (tmp_path / "none" / "cat.png").write_bytes((tmp_path / "cats" / "a.png").read_bytes())
    found = audit(tmp_path)
    assert found["classes"] == {"": 2, "cats": 1, "dogs": 1}
    assert found["num_none"] == 2
    assert Audit.from_json(found).class_rows() == [
        ("cats", 1, []),
        ("dogs", 1, []),
        ("none of these", 2, []),
    ]
    assert [one["path"] for one in found["broken"]] == ["none/broken.png"]
    assert [list(group) for group in found["exact_copies"]] == [["cats/a.png", "none/cat.png"]]

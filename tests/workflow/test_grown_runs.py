"""Which parts the photos of a grown run keep, and what the user reads of it."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pawsight.config import SplitConfig, TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.errors import DataError
from pawsight.records import Photo
from pawsight.workflow import grown_runs
from pawsight.workflow.grown_runs import divide_grown


@pytest.fixture
def grow(monkeypatch, recorded):
    """Grow photos in parts as given, of which some are known; returns settings and photos."""

    def divide(start, photos, kept=None, config=None):
        monkeypatch.setattr(grown_runs, "parts_found", lambda place, catalog: kept or {})
        monkeypatch.setattr(grown_runs, "divide", lambda catalog, *_: catalog)
        catalog = Catalog("pets", Path("/pets"), tuple(photos), 0)
        found, divided = divide_grown(start, catalog, None, config or TrainConfig(), recorded)
        return found, [photo.part for photo in divided.photos]

    return divide


def photos(*labels, parts=()):
    parts = parts or [""] * len(labels)
    return [Photo(f"{i}.jpg", *both) for i, both in enumerate(zip(labels, parts, strict=True))]


def start(classes=("cats", "dogs"), run=True, weights=True):
    return SimpleNamespace(
        description=SimpleNamespace(class_names=classes),
        place="/runs/first",
        run=SimpleNamespace(path=Path("/runs/first")) if run else None,
        weights_path=Path("w.h5") if weights else None,
    )


def test_a_run_from_scratch_divides_all_anew(grow, recorded):
    config = TrainConfig()
    assert grow(None, photos("cats", "dogs"), config=config)[0] is config
    assert recorded.notes == []


def test_what_is_kept_is_reported_and_in_the_settings(grow, recorded):
    config, _ = grow(start(), photos("cats", "dogs", "eels"), {0: "train", 1: "test"})
    assert config.split.keep == "/runs/first"
    assert recorded.notes == [
        "Starts from /runs/first: 2 classes kept, 1 new; 2 photos keep their part, 1 new."
    ]
    recorded.notes.clear()
    config, _ = grow(start(("cats", "frogs", "newts")), photos("cats", "eels"), {0: "train"})
    assert recorded.notes == [
        "Starts from /runs/first: 1 class kept, 1 new, 2 left out; 1 photo keeps its part, 1 new."
    ]


def test_a_split_that_is_given_is_kept(grow):
    config = TrainConfig(split=SplitConfig(keep="/other"))
    assert grow(start(), photos("cats", "dogs"), {0: "train"}, config)[0].split.keep == "/other"
    assert grow(start(), photos("cats", "dogs"))[0].split.keep is None


def test_weights_of_unknown_photos_are_noted_and_a_head_is_fitted_anew(grow, recorded):
    grow(start(run=False), photos("cats", "dogs"))
    assert recorded.notes[1].startswith("The training photos of /runs/first are not known")
    recorded.notes.clear()
    grow(start(weights=False), photos("cats", "dogs"))
    assert recorded.notes[1:] == ["The linear head is fitted anew to all training photos."]


def test_a_model_of_other_classes_is_refused_where_its_weights_are_used(grow):
    with pytest.raises(DataError, match=r"None of the classes in /pets .*: cats, dogs"):
        grow(start(), photos("eels", "frogs"))
    grow(start(weights=False), photos("eels", "frogs"))


def test_photos_of_another_part_keep_that_of_the_earlier_run(grow, recorded):
    given = photos("cats", "dogs", "cats", parts=("train", "train", "test"))
    _, parts = grow(start(), given, {0: "test", 1: "train", 2: "test"})
    assert parts == ["test", "train", "test"]
    assert recorded.notes[1] == (
        "1 photo of another part in /pets keeps the part of the earlier run, so that no test "
        "photo is trained on."
    )
    recorded.notes.clear()
    grow(start(), given, {0: "test", 1: "test", 2: "test"})
    assert recorded.notes[1].startswith("2 photos of another part in /pets keep the part")
    recorded.notes.clear()
    grow(start(), given, {0: "train"})
    assert len(recorded.notes) == 1
    # Without parts in the source, those of the split are kept by their name.
    _, parts = grow(start(), photos("cats", "dogs"), {0: "test"})
    assert parts == ["", ""]

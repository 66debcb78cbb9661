"""`doubts`: photos in the wrong folder are found, and nothing of the user's is changed."""

import csv
import shutil
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import pawsight
from pawsight.cli.main import app
from pawsight.config import SourceConfig
from pawsight.errors import ConfigError, DataError, DiskError, RunError
from pawsight.workflow import label_doubts


@pytest.fixture(scope="module")
def swapped(photos, tmp_path_factory):
    """The drawn photos, of which one cat lies among the dogs and one dog among the cats.

    Nothing may change them."""
    folder = shutil.copytree(photos, tmp_path_factory.mktemp("swapped") / "pets")
    cat, dog = (sorted((folder / name).glob("*.jpg"))[-1] for name in ("cats", "dogs"))
    cat.rename(folder / "dogs" / "really-a-cat.jpg")
    dog.rename(folder / "cats" / "really-a-dog.jpg")
    return folder


def snapshot(folder):
    """Every file with its content."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_photos_in_the_wrong_folder_come_first(swapped, tmp_path):
    before = snapshot(swapped)
    found = pawsight.doubts(swapped, tmp_path / "out")
    first = {one.path for one in found.photos[:2]}
    assert first == {"dogs/really-a-cat.jpg", "cats/really-a-dog.jpg"}
    assert all(one.is_contradicted for one in found.photos[:2])
    cat = next(one for one in found.photos if one.path == "dogs/really-a-cat.jpg")
    assert (cat.label, cat.suggested) == ("dogs", "cats")
    assert cat.nearest_of_label.startswith("dogs/")
    assert cat.nearest_of_suggested.startswith("cats/")
    assert len(found.photos) == 80  # the broken one is no photo
    assert snapshot(swapped) == before
    with (found.out / "doubts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [one.path for one in found.photos]
    assert {row["path"] for row in rows[:2]} == first
    page = (found.out / "doubts.html").read_text()
    assert "really-a-cat.jpg" in page
    assert page.count("<img") >= 6
    assert sorted(path.name for path in found.out.iterdir()) == ["doubts.csv", "doubts.html"]


def test_the_photos_of_a_run_are_judged(run):
    found = pawsight.doubts(run.path)
    assert found.out is None
    assert len(found.photos) == 80
    assert {one.label for one in found.photos} == {"cats", "dogs"}
    with pytest.raises(ConfigError, match="is a run"):
        pawsight.doubts(run.path, source_config=SourceConfig(exclude=("x",)))


def test_results_are_neither_overwritten_nor_written_among_the_photos(photos, tmp_path):
    (tmp_path / "mine.csv").write_text("path,label")
    with pytest.raises(DiskError, match="never overwrites"):
        pawsight.doubts(photos, tmp_path)
    with pytest.raises(RunError, match="nothing is ever written among the photos"):
        pawsight.doubts(photos, photos / "doubts")


def test_photos_without_classes_are_refused_before_they_are_read(photos, tmp_path, monkeypatch):
    folder = shutil.copytree(photos / "cats", tmp_path / "flat")
    monkeypatch.setattr(label_doubts, "read_photos", None)
    with pytest.raises(DataError, match="two or more are needed"):
        pawsight.doubts(folder)


def test_the_command_prints_the_first_ones(swapped, tmp_path):
    result = CliRunner().invoke(app, ["doubts", str(swapped), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.stderr
    assert "dogs/really-a-cat.jpg" in result.stdout
    text = " ".join(result.stdout.split())  # the title is as wide as the table
    assert "Ranked by the odds of the suggested class against the label" in text
    assert "of 80 labels contradicted by the other photos" in result.stdout
    assert "doubts.html" in result.stdout


def test_names_are_no_formulas_in_the_table(swapped, tmp_path):
    found = pawsight.doubts(swapped)
    risky = replace(found.photos[0], path="=HYPERLINK(1)/a.jpg", label="=1+1")
    replace(found, photos=(risky,)).save_csv(tmp_path / "doubts.csv")
    row = (tmp_path / "doubts.csv").read_text().splitlines()[1]
    assert row.startswith("./=HYPERLINK(1)/a.jpg,'=1+1,")

"""`pawsight audit`: what it prints, what it writes, and how it ends."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawsight.data.auditing.checks import CHECKS


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """Where the default folder goes."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.fixture
def parted(sound):
    """The same photos in parts; one of them is in both, resized."""
    (sound / "train").mkdir()
    for label in ("cats", "dogs"):
        (sound / label).rename(sound / "train" / label)
        (sound / "validation" / label).mkdir(parents=True)
    with Image.open(sound / "train" / "cats" / "0.jpg") as image:
        image.resize((64, 64)).save(sound / "validation" / "cats" / "again.png")
    rng = np.random.default_rng(9)
    noise = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
    noise.resize((96, 96), Image.Resampling.NEAREST).save(sound / "validation" / "dogs" / "new.png")
    return sound


def test_audit_prints_what_it_found(pawsight, labelled):
    result = pawsight("audit", labelled)
    assert result.exit_code == 0, result.stderr
    for text in ("red", "blue/broken.jpg", "red/0.png = ", "red/copy.png", "20 x 10 pixels"):
        assert text in result.stdout


def test_audit_reports_when_nothing_is_wrong(pawsight, sound):
    result = pawsight("audit", sound)
    assert result.exit_code == 0, result.stderr
    assert "No problems found." in result.stdout


def test_audit_writes_a_page_a_table_and_json_into_a_folder_of_its_own(pawsight, labelled):
    result = pawsight("audit", labelled)
    (folder,) = Path("audits").iterdir()
    assert folder.name.endswith("-labelled")
    assert sorted(path.name for path in folder.iterdir()) == [
        "audit.html",
        "audit.json",
        "catalog.csv",
    ]
    assert f"With photos: {folder}/audit.html" in result.stdout
    assert json.loads((folder / "audit.json").read_text())["num_photos"] == 14


def test_audit_as_json_is_nothing_but_json_and_writes_nothing(pawsight, labelled):
    found = json.loads(pawsight("audit", labelled, "--json").stdout)
    assert found["classes"] == {"blue": 4, "green": 4, "red": 5}
    assert [broken["path"] for broken in found["broken"]] == ["blue/broken.jpg"]
    assert list(found["findings"]) == [check.id for check in CHECKS]
    assert list(Path().iterdir()) == []


def test_audit_as_json_writes_where_requested(pawsight, labelled):
    printed = pawsight("audit", labelled, "--json", "--out", "report").stdout
    assert json.loads(printed) == json.loads(Path("report/audit.json").read_text())
    assert Path("report/audit.html").is_file()


def test_audit_replaces_an_earlier_one_and_nothing_else(pawsight, labelled):
    assert pawsight("audit", labelled, "--out", "report").exit_code == 0
    assert pawsight("audit", labelled, "--out", "report").exit_code == 0
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("keep")
    result = pawsight("audit", labelled, "--out", "mine")
    assert result.exit_code == 1
    assert "mine is not empty" in result.stderr
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("names", "exit_code"),
    [("broken", 3), ("leakage, broken", 3), ("any", 3), ("leakage", 0), ("dark,tiny", 0)],
)
def test_audit_fails_on_the_requested_findings(pawsight, labelled, names, exit_code):
    result = pawsight("audit", labelled, "--fail-on", names)
    assert result.exit_code == exit_code, result.stderr
    assert "red/copy.png" in result.stdout
    assert ("1 broken" in result.stderr) == (exit_code == 3)


def test_audit_finds_a_resized_photo_in_another_part(pawsight, parted):
    result = pawsight("audit", parted, "--fail-on", "leakage", "--fail-on", "broken")
    assert result.exit_code == 3
    assert "train/cats/0.jpg = validation/cats/again.png" in result.stdout
    assert result.stderr.splitlines()[-1] == "Found 1 leakage."


def test_a_finding_that_does_not_exist_is_wrong_usage(pawsight, labelled):
    result = pawsight("audit", labelled, "--fail-on", "leakage,ugly")
    assert result.exit_code == 2
    assert "There is no finding 'ugly'" in result.stderr
    assert "conflicting_labels" in result.stderr
    assert list(Path().iterdir()) == []


def test_audit_reports_groups_that_lie_in_several_parts(pawsight, sound):
    rows = ["path,label,part,animal"]
    for label in ("cats", "dogs"):
        rows += [f"{label}/0.jpg,{label},train,{label}-a", f"{label}/1.jpg,{label},train,{label}-b"]
        rows.append(f"{label}/2.jpg,{label},validation,{label}-b")
    (sound / "photos.csv").write_text("\n".join(rows) + "\n")
    found = json.loads(
        pawsight("audit", sound / "photos.csv", "--group-by", "animal", "--json").stdout
    )
    leaks = found["findings"]["leakage"]["items"]
    assert [leak["group"] for leak in leaks] == ["cats-b", "dogs-b"]
    assert [photo["path"] for photo in leaks[0]["photos"]] == ["cats/1.jpg", "cats/2.jpg"]


def test_audit_of_no_such_folder_is_one_message_and_leaves_nothing(pawsight, tmp_path):
    result = pawsight("audit", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "nowhere" in result.stderr
    assert "bug" not in result.stderr
    assert list(Path().iterdir()) == []

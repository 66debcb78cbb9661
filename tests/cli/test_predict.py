"""`pawsight predict`: the formats, bad rows, and every way to name photos."""

import csv
import io
import json
import os
import sys
from math import exp

import pytest

SURE = exp(4) / (exp(4) + 2)  # of a photo in one colour, by the model of the fixture


@pytest.fixture
def predict(pawsight, colour_run):
    """Run `pawsight predict` with the colour model."""

    def run(*arguments, stdin=None):
        return pawsight("predict", *arguments, "--model", colour_run.path, stdin=stdin)

    return run


@pytest.fixture
def photos(save_photo, tmp_path):
    """A folder with one good photo of each of two colours and a broken one."""
    save_photo("photos/blue.png", "blue")
    save_photo("photos/red.png", "red")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no photo")
    return tmp_path / "photos"


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_is_the_default_off_a_terminal(predict, photos):
    result = predict(photos)
    assert result.exit_code == 0
    assert result.stdout.startswith("path,label,probability,error,red,green,blue\n")
    blue, broken, red = rows_of(result.stdout)
    assert (blue["path"], blue["label"], blue["error"]) == (f"{photos}/blue.png", "blue", "")
    assert float(blue["probability"]) == float(blue["blue"]) == pytest.approx(SURE, abs=1e-5)
    assert broken["error"] != ""
    assert broken["label"] == broken["probability"] == broken["red"] == ""
    assert red["label"] == "red"


def test_json_is_one_list_with_null_for_what_is_not_known(predict, photos):
    blue, broken, red = json.loads(predict(photos, "--format", "json").stdout)
    assert list(blue) == ["path", "label", "probability", "error", "red", "green", "blue"]
    assert (blue["label"], blue["error"]) == ("blue", None)
    assert blue["red"] + blue["green"] + blue["blue"] == pytest.approx(1, abs=1e-5)
    assert broken["label"] is broken["probability"] is broken["blue"] is None
    assert red["label"] == "red"


def test_jsonl_is_one_object_a_line(predict, photos):
    lines = predict(photos, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["blue", None, "red"]


def test_table_aligns_and_names_errors(predict, photos):
    lines = predict(photos, "--format", "table").stdout.splitlines()
    assert lines[0] == "label  probability  path"
    assert lines[1] == f"blue        96.5 %  {photos}/blue.png"
    assert lines[2].startswith(f"-                -  {photos}/broken.jpg: ")


def test_number_of_unread_photos_goes_to_standard_error(predict, photos):
    assert predict(photos).stderr == "1 of 3 could not be read.\n"


def test_exit_code_is_1_only_if_no_photo_could_be_read(predict, photos):
    assert predict(photos / "broken.jpg", photos / "red.png").exit_code == 0
    assert predict(photos / "broken.jpg", photos / "gone.jpg").exit_code == 1


def test_empty_list_gives_no_rows_and_a_note(predict):
    result = predict("-", stdin="")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert result.stderr == "No photos were named.\n"
    assert json.loads(predict("-", "--format", "json", stdin="").stdout) == []


def test_list_on_standard_input(predict, photos):
    stdin = f"{photos}/red.png\n{photos}/blue.png\n"
    assert [row["label"] for row in rows_of(predict("-", stdin=stdin).stdout)] == ["red", "blue"]


def test_list_with_nul_between_the_paths(predict, photos):
    stdin = f"{photos}/red.png\0{photos}/blue.png\0"
    assert [row["label"] for row in rows_of(predict("-", stdin=stdin).stdout)] == ["red", "blue"]


def test_pattern_that_the_shell_left_alone(predict, photos):
    assert [row["label"] for row in rows_of(predict(f"{photos}/*.png").stdout)] == ["blue", "red"]


def test_argument_that_names_nothing_is_a_row(predict, photos):
    rows = rows_of(predict(photos / "red.png", "no-such-folder/", "no*such").stdout)
    assert [bool(row["error"]) for row in rows] == [False, True, True]


@pytest.mark.parametrize("name", ["with space.png", "quote\"s,and'commas.png", "🐱 köttur.png"])
def test_unusual_name_passes_every_format(predict, save_photo, name):
    path = save_photo(name)
    assert rows_of(predict(path).stdout)[0]["path"] == str(path)
    assert json.loads(predict(path, "--format", "json").stdout)[0]["path"] == str(path)
    assert name in predict(path, "--format", "table").stdout


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_name_that_is_not_utf8_keeps_its_bytes_in_csv(pawsight_process, colour_run, save_photo):
    path = os.fsencode(save_photo(os.fsdecode(b"caf\xe9.png")))
    csv_run = pawsight_process("predict", path, "--model", colour_run.path)
    assert path + b",red," in csv_run.stdout
    json_run = pawsight_process("predict", path, "--model", colour_run.path, "--format", "json")
    assert os.fsencode(json.loads(json_run.stdout)[0]["path"]) == path


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_name_cannot_send_commands_to_the_terminal(predict, save_photo):
    path = save_photo("a\x1b[31m\nb.png")
    line = predict(path, "--format", "table").stdout.splitlines()[1]
    assert line.endswith(r"a\x1b[31m\nb.png")


def test_wide_letters_keep_the_table_aligned(pawsight, make_colour_run, save_photo):
    run = make_colour_run("wide", class_names=["猫猫猫猫", "hund", "cat"])
    arguments = [save_photo("a.png", "red"), save_photo("b.png", "blue"), "--format", "table"]
    lines = pawsight("predict", *arguments, "--model", run.path).stdout.splitlines()
    assert lines[1].startswith("猫猫猫猫       96.5 %")  # 8 columns wide
    assert lines[2].startswith("cat            96.5 %")


def test_class_named_like_a_column_gets_a_column_of_its_own(pawsight, make_colour_run, save_photo):
    run = make_colour_run("odd", class_names=["error", "label", "blue"])
    arguments = ["predict", save_photo("a.png", "red"), "--model", run.path]
    (row,) = rows_of(pawsight(*arguments).stdout)
    assert (row["label"], row["error"]) == ("error", "")
    assert float(row["class error"]) == pytest.approx(SURE, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "start"),
    [("out.csv", "path,label"), ("out.json", "[\n{"), ("out.jsonl", "{"), ("out", "path,label")],
)
def test_output_file_decides_the_format(predict, photos, tmp_path, name, start):
    result = predict(photos, "--output", tmp_path / name)
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / name).read_text().startswith(start)


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "table"])
def test_earlier_results_are_replaced(predict, photos, tmp_path, form):
    output = tmp_path / "results"
    for _ in range(2):
        assert predict(photos, "--output", output, "--format", form).exit_code == 0
    assert output.read_text().count("red.png") == 1


@pytest.mark.parametrize("name", ["photos/red.png", "photos/broken.jpg", "notes.txt"])
def test_output_never_replaces_anything_else(predict, photos, tmp_path, name):
    (tmp_path / "notes.txt").write_text("mine")
    before = (tmp_path / name).read_bytes()
    result = predict(photos, "--output", tmp_path / name)
    assert result.exit_code == 1
    assert "left as it is" in result.stderr
    assert (tmp_path / name).read_bytes() == before


def test_output_into_a_folder_that_is_there_is_refused(predict, photos):
    result = predict(photos, "--output", photos)
    assert result.exit_code == 1
    assert "is a folder" in result.stderr


def test_failed_model_leaves_no_output_file(pawsight, photos, tmp_path):
    pawsight("predict", photos, "--model", "nowhere", "--output", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_photos_are_not_changed(predict, photos):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.iterdir()}
    predict(photos)
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in photos.iterdir()}


def test_without_a_run_the_shipped_model_answers_and_says_so(pawsight, photos):
    result = pawsight("predict", photos)
    assert result.exit_code == 0
    assert result.stdout.startswith("path,label,probability,error,cats,dogs\n")
    assert result.stderr.startswith("Model: the built-in one")
    assert [row["label"] in ("cats", "dogs") for row in rows_of(result.stdout)] == [
        True,
        False,
        True,
    ]

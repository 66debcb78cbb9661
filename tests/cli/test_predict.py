"""`pawsight predict`: the formats, bad rows, and every way to name photos."""

import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from math import exp
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawsight.errors import SourceError
from pawsight.inference.classifier import Classifier
from pawsight.inference.partial_results import PartialResults

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


@pytest.fixture
def named(photos):
    """The same photos, named one by one: as few are decoded without starting processes."""
    return [photos / name for name in ("blue.png", "broken.jpg", "red.png")]


@pytest.fixture
def output(tmp_path):
    """Where results go."""
    return tmp_path / "results" / "answers.csv"


@contextlib.contextmanager
def started(command):
    """Start a command; it is ended at the end."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen([sys.executable, "-m", "pawsight", *map(str, command)], **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):  # what was not sent yet
                pipe.close()


def answered(process, paths, count, output):
    """Name some photos to a command, and wait until that many answers are kept; gives the file."""
    process.stdin.write("".join(f"{path}\n" for path in paths[:count]).encode())
    process.stdin.flush()
    part = output.with_name(output.name + ".part")
    for _ in range(600):
        if part.exists() and part.read_bytes().count(b"\n") == count + 1:
            return part
        time.sleep(0.1)
    raise AssertionError(process.poll())


def begun(run, paths, output):
    """Leave behind what a command leaves that was stopped after these photos; gives the file."""
    classifier = Classifier.load(run)
    settings = {"model": classifier.fingerprint, "tta": False}
    with PartialResults(output, classifier.class_names, settings) as unfinished:
        for prediction in classifier.predict(unfinished.skip(paths)):
            unfinished.add(prediction)
        return unfinished.path


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_is_the_default_off_a_terminal(predict, photos):
    result = predict(photos)
    assert result.exit_code == 0
    assert result.stdout.startswith("path,label,probability,answer,error,red,green,blue\n")
    blue, broken, red = rows_of(result.stdout)
    assert (blue["path"], blue["label"], blue["error"]) == (f"{photos}/blue.png", "blue", "")
    assert float(blue["probability"]) == float(blue["blue"]) == pytest.approx(SURE, abs=1e-5)
    assert broken["error"] != ""
    assert broken["label"] == broken["probability"] == broken["red"] == ""
    assert red["label"] == "red"


def test_json_is_one_list_with_null_for_what_is_not_known(predict, named):
    blue, broken, red = json.loads(predict(*named, "--format", "json").stdout)
    fixed = ["path", "label", "probability", "answer", "error"]
    assert list(blue) == [*fixed, "red", "green", "blue"]
    assert blue["answer"] == "blue"
    assert (blue["label"], blue["error"]) == ("blue", None)
    assert blue["red"] + blue["green"] + blue["blue"] == pytest.approx(1, abs=1e-5)
    assert broken["label"] is broken["probability"] is broken["blue"] is None
    assert red["label"] == "red"


def test_jsonl_is_one_object_a_line(predict, named):
    lines = predict(*named, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["blue", None, "red"]


def test_table_aligns_and_names_errors(predict, photos, named):
    lines = predict(*named, "--format", "table").stdout.splitlines()
    assert lines[0] == "label   probability  answer  path"
    assert lines[1] == f"blue         96.5 %  blue    {photos}/blue.png"
    assert lines[2].startswith(f"-                 -  -       {photos}/broken.jpg: ")


def test_number_of_unread_photos_goes_to_standard_error(predict, named):
    assert predict(*named).stderr == "1 of 3 could not be read.\n"


def test_exit_code_is_1_only_if_no_photo_could_be_read(predict, photos):
    assert predict(photos / "broken.jpg", photos / "red.png").exit_code == 0
    assert predict(photos / "broken.jpg", photos / "gone.jpg").exit_code == 1


def test_empty_list_gives_no_rows_and_a_note(predict):
    result = predict("-", stdin="")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert result.stderr == "No photos were named.\n"
    assert json.loads(predict("-", "--format", "json", stdin="").stdout) == []


@pytest.mark.parametrize("options", [(), ("--output", "out.csv"), ("--shard", "1/2")])
def test_folder_without_photos_is_named_and_is_no_photo(
    predict, photos, tmp_path, monkeypatch, options
):
    monkeypatch.chdir(tmp_path)
    options = ("--output", "out.csv", *options) if "--shard" in options else options
    (tmp_path / "empty").mkdir()
    done = predict("empty", *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Error: There are no photos in empty.\n" in done.stderr
    assert not list(tmp_path.glob("out*"))
    done = predict("empty", photos / "red.png", *options)
    assert done.exit_code == 0
    assert "There are no photos in empty.\n" in done.stderr
    assert "could not be read" not in done.stderr
    if not options:
        assert [row["label"] for row in rows_of(done.stdout)] == ["red"]


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


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_no_name_is_a_formula_to_a_spreadsheet(
    pawsight, make_colour_run, save_photo, tmp_path, monkeypatch
):
    run = make_colour_run("run", class_names=["=1+1", "@SUM(A1)", "-1"])
    save_photo("=HYPERLINK(1).png", "red")
    save_photo("-cat.png", "blue")
    monkeypatch.chdir(tmp_path)
    result = pawsight("predict", "--model", run.path, "--", "=HYPERLINK(1).png", "-cat.png")
    first, second = rows_of(result.stdout)
    assert (first["path"], first["label"]) == ("./=HYPERLINK(1).png", "'=1+1")
    assert (second["path"], second["label"]) == ("./-cat.png", "-1")  # a number is none
    assert list(first)[5:] == ["'=1+1", "'@SUM(A1)", "-1"]


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
def test_output_file_decides_the_format(predict, named, tmp_path, name, start):
    result = predict(*named, "--output", tmp_path / name)
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / name).read_text().startswith(start)


def test_few_named_files_are_decoded_without_processes(predict, named, output, monkeypatch):
    monkeypatch.setattr("pawsight.inference.decode_processes.WorkerProcess", None)
    assert predict(*named, "--output", output).exit_code == 0
    assert [row["label"] for row in rows_of(output.read_text())] == ["blue", "", "red"]


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "table"])
def test_earlier_results_are_replaced(predict, named, tmp_path, form):
    output = tmp_path / "results"
    for _ in range(2):
        assert predict(*named, "--output", output, "--format", form).exit_code == 0
    assert output.read_text().count("red.png") == 1


@pytest.mark.parametrize("name", ["photos/red.png", "photos/broken.jpg", "notes.txt"])
def test_output_never_replaces_anything_else(predict, named, tmp_path, name):
    (tmp_path / "notes.txt").write_text("mine")
    before = (tmp_path / name).read_bytes()
    result = predict(*named, "--output", tmp_path / name)
    assert result.exit_code == 1
    assert "not overwritten" in result.stderr
    assert (tmp_path / name).read_bytes() == before


def test_output_into_a_folder_that_is_there_is_refused(predict, photos):
    result = predict(photos, "--output", photos)
    assert result.exit_code == 1
    assert "is a folder" in result.stderr


def test_failed_model_leaves_no_output_file(pawsight, photos, tmp_path):
    pawsight("predict", photos, "--model", "nowhere", "--output", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.slow
def test_interrupted_command_continues_where_it_stopped(
    pawsight_process, colour_run, save_photo, tmp_path, output
):
    paths = [str(save_photo(f"{number}.png", "blue")) for number in range(6)]
    command = ["predict", "-", "--model", colour_run.path, "--output", output]
    pawsight_process(*command, input="\n".join(paths).encode())
    whole = output.read_bytes()
    output.unlink()

    with started(command) as process:
        part = answered(process, paths, 3, output)
    rows_before = part.read_bytes()
    for path in paths[:3]:  # would be seen if they were looked at again
        Path(path).unlink()
    again = pawsight_process(*command, input="\n".join(paths).encode())
    assert again.returncode == 0, again.stderr
    assert b"Resuming after 3 photos." in again.stderr
    assert output.read_bytes() == whole
    assert rows_before.count(b"\n") == 4
    assert not part.exists()


CRASHING = """
import os, signal
import PIL.Image

real = PIL.Image.open

def opened(file, *options, **more):
    if b"CRASH" in file.getvalue():
        os.kill(os.getpid(), signal.SIGSEGV)
    return real(file, *options, **more)

PIL.Image.open = opened
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_photo_that_ends_its_process_is_a_row(pawsight_process, colour_run, save_photo, tmp_path):
    paths = [save_photo(f"{number:02}.png", "blue") for number in range(12)]
    paths[7].write_bytes(paths[7].read_bytes() + b"CRASH")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "sitecustomize.py").write_text(CRASHING)
    modules = [str(tmp_path / "modules"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(modules)}
    command = ["predict", paths[0].parent, "--model", colour_run.path]

    done = pawsight_process(*command, env=environment)

    rows = rows_of(done.stdout.decode())
    assert [row["path"] for row in rows] == [str(path) for path in paths], done.stderr
    assert [row["label"] for row in rows] == ["blue"] * 7 + [""] + ["blue"] * 4
    assert rows[7]["error"] == "reading it crashed the decoder, or took all memory"


@pytest.mark.slow
def test_interruption_reports_what_is_kept_and_how_to_continue(colour_run, save_photo, output):
    paths = [str(save_photo(f"{number}.png")) for number in range(2)]
    command = ["predict", "-", "--model", colour_run.path, "--output", output]
    with started(command) as process:
        answered(process, paths, 2, output)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        said = process.stderr.read()
    assert b"Stopped. The predictions of 2 photos are kept in" in said
    assert b"Run the same command again to resume." in said
    assert not output.exists()


@pytest.mark.parametrize(
    ("stop", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "Stopped. The predictions so far are kept in"),
        (SourceError("There are no photos in there."), 1, "There are no photos in there."),
    ],
)
def test_what_is_kept_stays_where_the_photos_cannot_be_listed(
    predict, colour_run, save_photo, output, monkeypatch, stop, code, words
):
    def listed(*_):
        raise stop
        yield

    photo = str(save_photo("a.png"))
    part = begun(colour_run, [photo], output)
    kept = part.read_bytes()
    monkeypatch.setattr("pawsight.workflow.predicted_folders.expand", listed)
    done = predict(photo, "--output", output)
    assert done.exit_code == code
    assert words in done.stderr
    assert part.read_bytes() == kept
    part.unlink()
    assert predict(photo, "--output", output).exit_code == code
    assert not part.exists()


@pytest.mark.parametrize("torn", [b'["', b'["x", "", 0.5]\n', b"\x00\x00\x00", b"5\n", b"[5]\n"])
def test_answer_that_was_not_written_to_its_end_is_made_again(
    predict, colour_run, save_photo, output, torn
):
    paths = [str(save_photo(f"{number}.png", "blue")) for number in range(3)]
    part = begun(colour_run, paths[:2], output)
    with part.open("ab") as file:
        file.write(torn)
    assert predict(*paths, "--output", output).exit_code == 0
    assert [row["label"] for row in rows_of(output.read_text())] == ["blue"] * 3


def test_going_on_with_other_photos_keeps_what_is_still_asked_for(
    predict, colour_run, save_photo, output
):
    paths = [str(save_photo(f"{number}.png", "blue")) for number in range(4)]
    begun(colour_run, paths[:3], output)
    new = str(save_photo("new.png", "red"))
    assert predict(paths[0], new, *paths[1:], "--output", output).exit_code == 0
    rows = rows_of(output.read_text())
    assert [row["path"] for row in rows] == [paths[0], new, *paths[1:]]
    assert [row["label"] for row in rows] == ["blue", "red", "blue", "blue", "blue"]


def test_photo_that_changed_since_is_looked_at_again(predict, colour_run, save_photo, output):
    paths = [str(save_photo(f"{number}.png", "blue")) for number in range(2)]
    begun(colour_run, paths[:2], output)
    save_photo("1.png", "red")
    os.utime(paths[1], (time.time() + 60, time.time() + 60))
    predict(*paths, "--output", output)
    assert [row["label"] for row in rows_of(output.read_text())] == ["blue", "red"]


def test_going_on_with_fewer_photos_gives_just_those(predict, colour_run, save_photo, output):
    paths = [str(save_photo(f"{number}.png", "blue")) for number in range(3)]
    begun(colour_run, paths[:3], output)
    predict(paths[0], "--output", output)
    assert [row["path"] for row in rows_of(output.read_text())] == [paths[0]]


def test_going_on_with_other_settings_is_refused(
    predict, pawsight, make_colour_run, colour_run, save_photo, output
):
    path = save_photo("a.png")
    part = begun(colour_run, [str(path)], output)
    before = part.read_bytes()
    with_tta = predict(path, "--tta", "--output", output)
    assert with_tta.exit_code == 2
    assert "begun with another --tta" in with_tta.stderr
    other = make_colour_run("other", temperature=2.0)
    with_other = pawsight("predict", path, "--model", other.path, "--output", output)
    assert with_other.exit_code == 2
    assert "begun with another model" in with_other.stderr
    assert "remove the file to start again" in with_other.stderr
    assert part.read_bytes() == before
    assert predict(path, "--output", output).exit_code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="no such folder there")
def test_output_that_cannot_be_written_explains_what_to_do(predict, photos):
    result = predict(photos, "--output", "/proc/answers.csv")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert "Give --output a file in a folder that you can write to." in result.stderr


@pytest.mark.parametrize("content", ["mine", "mine\n", '{"kind": "mine"}\n', "[]\n", ""])
def test_other_file_of_that_name_is_left_alone(predict, named, output, content):
    part = output.with_name(output.name + ".part")
    part.parent.mkdir()
    part.write_text(content)
    result = predict(*named, "--output", output)
    if content:
        assert result.exit_code == 1
        assert "not overwritten" in result.stderr
        assert part.read_text() == content
    else:
        assert result.exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks there")
def test_second_process_does_not_write_to_the_same_file(predict, colour_run, save_photo, output):
    path = str(save_photo("a.png"))
    import fcntl

    part = begun(colour_run, [path], output)
    with part.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = predict(path, "--output", output)
    assert result.exit_code == 1
    assert "Another process is writing" in result.stderr
    assert predict(path, "--output", output).exit_code == 0


def test_mirrored_look_is_averaged_in(pawsight, make_half_run, tmp_path):
    # The model answers for "left" as red as the left half is: 1 of a red one, 0 of a black one.
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4, 0] = 255
    Image.fromarray(pixels).save(tmp_path / "half.png")
    command = ["predict", tmp_path / "half.png", "--model", make_half_run().path]
    plain, both = (
        float(rows_of(pawsight(*command, *more).stdout)[0]["left"]) for more in ((), ("--tta",))
    )
    sure = exp(1) / (exp(1) + 1)
    assert plain == pytest.approx(sure, abs=1e-5)
    assert both == pytest.approx((sure + 0.5) / 2, abs=1e-5)


@pytest.mark.slow
def test_row_is_shown_while_the_list_continues(colour_run, save_photo):
    path = str(save_photo("a.png"))
    with started(["predict", "-", "--model", colour_run.path]) as process:
        process.stdin.write(path.encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"path,label")
        assert process.stdout.readline().startswith(path.encode())
        process.stdin.close()
        assert process.wait(60) == 0


def test_reader_that_has_enough_ends_the_command_quietly(colour_run, save_photo):
    path = str(save_photo("a.png"))
    with started(["predict", *[path] * 2000, "--model", colour_run.path]) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""


def test_photos_are_not_changed(predict, photos, named):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.iterdir()}
    predict(*named)
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in photos.iterdir()}


def test_without_a_run_the_shipped_model_answers_and_reports_it(pawsight, photos):
    result = pawsight("predict", photos)
    assert result.exit_code == 0
    assert result.stdout.startswith("path,label,probability,answer,error,cats,dogs\n")
    assert result.stderr.startswith("Model: built-in (cats and dogs")
    assert [row["label"] in ("cats", "dogs") for row in rows_of(result.stdout)] == [
        True,
        False,
        True,
    ]


def proven(*rates):
    """Operating points that a model's held-out photos prove: rate and threshold."""
    return [
        {"max_error": rate, "confidence": 0.95, "threshold": least, "coverage": 0.5, "error": 0.0}
        for rate, least in rates
    ]


def test_answer_is_unsure_below_the_threshold_of_the_error_rate(
    pawsight, make_colour_run, save_photo
):
    run = make_colour_run(operating_points=proven((0.01, 0.99), (0.05, 0.9)))
    photo = save_photo("red.png")  # red with 96.5 %
    (plain,) = rows_of(pawsight("predict", photo, "--model", run.path).stdout)
    assert (plain["label"], plain["answer"]) == ("red", "red")
    strict = pawsight("predict", photo, "--model", run.path, "--max-error", "0.01")
    assert [row["answer"] for row in rows_of(strict.stdout)] == ["unsure"]


def test_rate_that_is_not_proven_is_an_error_that_names_the_lowest(
    pawsight, make_colour_run, save_photo
):
    run = make_colour_run(operating_points=proven((0.05, 0.9)))
    photo = save_photo("red.png")
    result = pawsight("predict", photo, "--model", run.path, "--max-error", "0.001")
    assert result.exit_code == 2
    assert "Choose --max-error 0.05 or higher" in result.stderr


def test_predictions_of_another_error_rate_are_not_resumed(
    pawsight, make_colour_run, save_photo, tmp_path
):
    from pawsight.inference.classifier import Classifier
    from pawsight.inference.partial_results import PartialResults

    run = make_colour_run(operating_points=proven((0.01, 0.99), (0.05, 0.9)))
    classifier = Classifier.load(run)
    settings = {"model": classifier.fingerprint, "tta": False, "max_error": None}
    out = tmp_path / "answers.csv"
    with PartialResults(out, classifier.class_names, settings) as begun:
        (found,) = classifier.predict([save_photo("red.png")])
        begun.add(found)
    arguments = ("predict", tmp_path / "red.png", "--model", run.path, "--output", out)
    other = pawsight(*arguments, "--max-error", "0.01")
    assert other.exit_code == 2
    assert "another --max-error" in other.stderr
    assert pawsight(*arguments).exit_code == 0
    assert [row["answer"] for row in rows_of(out.read_text())] == ["red"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "2"], "--workers needs --output DIR"),
        (["--workers", "0", "--output", "a"], "Give --workers a number from 1 to 256, not 0."),
        (["--cluster", "auto", "--output", "a"], "--cluster needs --workers N"),
        (["--workers", "2", "--output", "a", "--shard", "1/2"], "leave out --shard and --format"),
        (["--workers", "2", "--output", "a", "--format", "csv"], "leave out --shard and --format"),
    ],
)
def test_options_of_workers_go_together(pawsight, options, message):
    done = pawsight("predict", "photos/", *options)
    assert done.exit_code == 2
    assert message in done.stderr

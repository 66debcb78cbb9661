"""Shards of a prediction, merged, are the file that one process writes; a wrong one is named."""

import json
import os

import pytest

import pawsight
from pawsight.errors import ConfigError, DataError, DiskError, StoppedError
from pawsight.inference.shards import Shard
from pawsight.progress import Silent

pytestmark = pytest.mark.usefixtures("decoding_in_threads")


class Interrupting(Silent):
    """Progress of somebody who presses Ctrl-C after two photos."""

    num_left = 2

    def advance(self, done, **facts):
        self.num_left -= done
        if not self.num_left:
            raise KeyboardInterrupt


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out" / "answers.csv"


@pytest.fixture
def predicted(folder, colour_run, output):
    """Predict some shards of a number."""

    def predict(count, numbers=None, photos=folder, run=colour_run, **settings):
        for number in numbers or range(1, count + 1):
            pawsight.predict_folder(photos, run, output, shard=(number, count), **settings)

    return predict


@pytest.mark.parametrize("name", ["answers.csv", "answers.json", "answers.jsonl"])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
def test_merged_shards_equal_the_file_of_one_process(
    folder, colour_run, predicted, output, tmp_path, count, name
):
    one = pawsight.predict_folder(folder, colour_run, tmp_path / "one" / name)
    predicted(count)
    merged = pawsight.merge_shards(output, format=name.partition(".")[2])
    assert output.read_bytes() == one.path.read_bytes()
    assert (merged.num_read, merged.num_failed) == (one.num_read, one.num_failed) == (9, 1)


@pytest.mark.slow
def test_sixty_four_shards_equal_one_process(save_photo, predicted, output, tmp_path, colour_run):
    for i in range(150):
        save_photo(f"many/{i}.png", ("red", "green", "blue")[i % 3], (16, 12))
    one = pawsight.predict_folder(tmp_path / "many", colour_run, tmp_path / "one.csv")
    predicted(64, photos=tmp_path / "many")
    pawsight.merge_shards(output)
    assert output.read_bytes() == one.path.read_bytes()


def test_shards_of_a_model_of_several_labels_are_merged(
    folder, make_colour_run, predicted, output, tmp_path
):
    run = make_colour_run("labels", format_version=2, task="multi-label", thresholds=[0.3] * 3)
    one = pawsight.predict_folder(folder, run, tmp_path / "one.csv")
    predicted(3, run=run)
    pawsight.merge_shards(output)
    assert output.read_bytes() == one.path.read_bytes()


def test_missing_shard_is_named(predicted, output):
    predicted(4, [1, 2, 4])
    with pytest.raises(DataError, match=r"Shard 3 of 4 is missing: .*answers\.csv\.shard-3-of-4"):
        pawsight.merge_shards(output)
    assert not output.exists()


def test_missing_shards_are_counted(predicted, output):
    predicted(12, [5])
    with pytest.raises(DataError, match=r"Shards 1, 2, 3, 4, 6, 7, 8, 9 and 3 more of 12 are miss"):
        pawsight.merge_shards(output)


def test_a_shard_in_place_of_the_output_is_named(predicted, output):
    predicted(3)
    shard = output.with_name(f"{output.name}.shard-1-of-3")
    before = shard.read_bytes()
    with pytest.raises(DataError) as caught:
        pawsight.merge_shards(shard)
    text = f"{shard} is one of the shards.\nGive the output of all shards: {output}"
    assert (str(caught.value), shard.read_bytes()) == (text, before)


def test_output_without_shards_is_refused_with_advice(output):
    with pytest.raises(DataError, match="There are no shards of"):
        pawsight.merge_shards(output)


def test_two_sets_of_shards_are_refused(predicted, output):
    predicted(2)
    predicted(3, [1])
    with pytest.raises(DataError, match="There are shards of 2 and of 3 for"):
        pawsight.merge_shards(output)


def test_shard_with_another_setting_is_refused(predicted, output):
    predicted(2, [1])
    predicted(2, [2], tta=True)
    with pytest.raises(DataError, match=r"shard-2-of-2 was predicted with another --tta than"):
        pawsight.merge_shards(output)


def test_shard_of_another_model_is_refused(predicted, output, make_colour_run):
    predicted(2, [1])
    predicted(2, [2], run=make_colour_run("warmer", temperature=2.0))
    with pytest.raises(DataError, match=r"shard-2-of-2 was predicted with another model"):
        pawsight.merge_shards(output)


def test_shard_of_another_listing_is_refused(predicted, output, save_photo):
    predicted(2, [1])
    save_photo("photos/later.png")
    predicted(2, [2])
    with pytest.raises(DataError, match=r"another list of photos than .*: 11 and 10 photos"):
        pawsight.merge_shards(output)


def test_shard_under_the_name_of_another_is_refused(predicted, output):
    predicted(2, [1])
    Shard(1, 2).path(output).rename(Shard(2, 2).path(output))
    predicted(2, [1])
    with pytest.raises(DataError, match="shard-2-of-2 is not shard 2 of 2"):
        pawsight.merge_shards(output)


@pytest.mark.parametrize("num_bytes", [1, 60])
def test_shard_that_was_cut_off_is_unfinished(predicted, output, num_bytes):
    predicted(2)
    path = Shard(2, 2).path(output)
    os.truncate(path, path.stat().st_size - num_bytes)
    with pytest.raises(DataError, match="Shard 2 of 2 is not finished"):
        pawsight.merge_shards(output)


def test_a_shard_of_no_line_but_its_first_is_unfinished(predicted, output):
    predicted(2)
    path = Shard(2, 2).path(output)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(DataError, match="Shard 2 of 2 is not finished"):
        pawsight.merge_shards(output)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is not shard 2 of 2, in spite of its name"):
        pawsight.merge_shards(output)


def test_shard_with_an_altered_path_is_found(predicted, output):
    predicted(2)
    path = Shard(1, 2).path(output)
    path.write_bytes(path.read_bytes().replace(b"2.png", b"7.png"))
    with pytest.raises(DataError, match="not those of their listing"):
        pawsight.merge_shards(output)
    assert not output.exists()


def test_shard_without_one_of_its_rows_is_damaged(predicted, output):
    predicted(2)
    path = Shard(1, 2).path(output)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(DataError, match="shard-1-of-2 is damaged"):
        pawsight.merge_shards(output)


def test_interrupted_shard_resumes(predicted, output):
    predicted(2)
    whole = Shard(1, 2).path(output).read_bytes().splitlines()[1:]
    Shard(1, 2).path(output).unlink()
    with pytest.raises(StoppedError, match="predictions of 2 photos are kept"):
        predicted(2, [1], progress=Interrupting())
    predicted(2, [1])
    assert Shard(1, 2).path(output).read_bytes().splitlines()[1:] == whole


def test_finished_shard_that_is_run_again_keeps_its_rows(folder, predicted, output):
    predicted(2)
    before = Shard(1, 2).path(output).read_bytes()
    for path in folder.iterdir():
        path.write_bytes(b"no photo any more")
        os.utime(path, (1, 1))
    predicted(2, [1])
    assert Shard(1, 2).path(output).read_bytes() == before


def test_shard_with_other_settings_is_not_overwritten(predicted, output):
    predicted(2, [1])
    before = Shard(1, 2).path(output).read_bytes()
    with pytest.raises(ConfigError, match="was begun with another --tta"):
        predicted(2, [1], tta=True)
    assert Shard(1, 2).path(output).read_bytes() == before


def test_file_of_the_users_is_not_overwritten_by_a_shard(predicted, output):
    output.parent.mkdir()
    Shard(1, 2).path(output).write_text("mine\n")
    with pytest.raises(DiskError, match="not overwritten"):
        predicted(2, [1])
    assert Shard(1, 2).path(output).read_text() == "mine\n"


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0), (1, 10_001)])
def test_shard_that_cannot_be_is_refused(predicted, shard):
    with pytest.raises(ConfigError, match=r"shard"):
        predicted(shard[1], [shard[0]])


def test_command_merges_what_the_commands_predicted(folder, colour_run, output, tmp_path):
    from typer.testing import CliRunner

    from pawsight.cli.main import app

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    predict = ["predict", folder, "--model", colour_run.path, "--output"]
    assert run(*predict, tmp_path / "one.json").exit_code == 0
    for number in (1, 2):
        assert run(*predict, output, "--shard", f"{number}/2").exit_code == 0
    done = run("merge", output, "--format", "json")
    assert done.stdout == f"10 photos in {output}\n"
    assert done.stderr == "1 could not be read.\n"
    assert json.loads(output.read_text()) == json.loads((tmp_path / "one.json").read_text())
    for wrong in (["--shard", "1/2"], ["--output", output, "--shard", "1/2", "--format", "csv"]):
        assert run("predict", folder, *wrong).exit_code == 2
    assert run("predict", folder, "--output", output, "--shard", "third").exit_code == 2

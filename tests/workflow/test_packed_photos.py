"""Packing photos into tar shards, and reading them again."""

import json
import shutil
import sys
import tarfile

import pytest

import pawsight
from pawsight.config import SourceConfig
from pawsight.errors import ConfigError, DataError, DiskError, RunError, SourceError
from pawsight.progress import Silent
from pawsight.workflow.photo_sets import list_photos


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pets(save_photo, tmp_path):
    """Eight photos of two classes in parts, each a file of more than 300 KB."""
    for i in range(8):
        part = "train" if i < 6 else "test"
        path = save_photo(f"pets/{part}/{('cats', 'dogs')[i % 2]}/{i}.png", (20 * i, 90, 40))
        with path.open("ab") as file:
            file.write(bytes([i]) * 300_000)  # ignored by decoders
    return tmp_path / "pets"


def rows(source, config=None):
    """What a listing says of each photo, and its bytes."""
    catalog = list_photos(source, Silent(), config=config)
    return {
        photo.path: (photo.label, photo.part, photo.group, photo.columns, content)
        for photo in catalog.photos
        for content in [(catalog.root / photo.path).read_bytes()]
    }


def shard_names(folder):
    return sorted(path.name for path in folder.glob("*.tar"))


def test_packed_photos_are_listed_as_before(pets, tmp_path):
    packed = pawsight.pack(pets, tmp_path / "packed", shard_mb=1)
    assert (packed.num_photos, packed.num_shards) == (8, 2)
    assert rows(tmp_path / "packed") == rows(pets)
    assert rows(tmp_path / "packed" / "shards.json") == rows(pets)


def test_name_of_the_photos_is_kept(pets, tmp_path):
    pawsight.pack(pets, tmp_path / "packed")
    assert list_photos(tmp_path / "packed", Silent()).name == "pets"


def test_same_photos_give_the_same_bytes(pets, tmp_path):
    for name in ("a", "b"):
        pawsight.pack(pets, tmp_path / name, shard_mb=1)
    for name in ("shards.json", *shard_names(tmp_path / "a")):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_each_shard_begins_with_its_labels(pets, tmp_path):
    pawsight.pack(pets, tmp_path / "packed", shard_mb=1)
    with tarfile.open(tmp_path / "packed" / "photos-00001.tar") as archive:
        first, *photos = archive.getmembers()
        lines = archive.extractfile(first).read().decode().splitlines()
    assert first.name == "labels-00001.csv"
    assert lines[0] == "path,label,part,group,columns"
    assert [line.split(",")[0] for line in lines[1:]] == [photo.name for photo in photos]
    assert {(photo.mtime, photo.uid, photo.mode) for photo in photos} == {(0, 0, 0o644)}


def test_labels_groups_and_columns_of_a_table_are_kept(save_photo, tmp_path):
    for i in range(4):
        save_photo(f"shots/{i}.png", (60 * i, 0, 0))
    table = tmp_path / "shots" / "labels.csv"
    cells = [f"{i}.png,{'cat' if i < 2 else 'dog'},{i % 2},north" for i in range(4)]
    table.write_text("\n".join(["path,label,group,site", *cells]))
    pawsight.pack(table, tmp_path / "packed")
    found = rows(tmp_path / "packed")
    assert found == rows(table)
    assert found["3.png"][:4] == ("dog", "", "1", '{"site": "north"}')


def test_photos_outside_the_folder_of_their_table_get_a_path_inside(save_photo, tmp_path):
    save_photo("a/0.png", "red")
    save_photo("b/0.png", "blue")
    (tmp_path / "t").mkdir()
    table = tmp_path / "t" / "labels.csv"
    table.write_text(f"path,label\n../a/0.png,cat\n{tmp_path}/b/0.png,dog\n")
    pawsight.pack(table, tmp_path / "packed")
    found = rows(tmp_path / "packed")
    assert {values[0] for values in found.values()} == {"cat", "dog"}
    assert not [path for path in found if path.startswith(("/", ".."))]


def test_several_labels_a_photo_are_kept(save_photo, tmp_path):
    for i in range(2):
        save_photo(f"shots/{i}.png", (90 * i, 0, 0))
    table = tmp_path / "shots" / "labels.csv"
    table.write_text("path,label\n0.png,cat\n0.png,dog\n1.png,dog\n")
    config = SourceConfig(multi_label=True)
    pawsight.pack(table, tmp_path / "packed", config=config)
    assert rows(tmp_path / "packed", config) == rows(table, config)


def test_photos_of_none_of_the_classes_are_kept(save_photo, tmp_path):
    for name in ("cats", "dogs", "none"):
        save_photo(f"pets/{name}/0.png", (len(name), 9, 0))
    pawsight.pack(tmp_path / "pets", tmp_path / "packed")
    assert list_photos(tmp_path / "packed", Silent()).none_paths == ("none/0.png",)


def test_photos_without_labels_are_kept(save_photo, tmp_path):
    for i in range(2):
        save_photo(f"shots/{i}.png", (90 * i, 0, 0))
    pawsight.pack(tmp_path / "shots", tmp_path / "packed")
    assert rows(tmp_path / "packed") == rows(tmp_path / "shots")
    assert pawsight.pack(tmp_path / "shots", tmp_path / "packed").num_labelled == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names of any bytes")
def test_names_of_any_bytes_are_kept(save_photo, tmp_path):
    path = save_photo("pets/cats/0.png", "red")
    save_photo("pets/dogs/ö 1,\n.png", "blue")
    path.rename(path.with_name("gr\udcfc\udcdfe.png"))
    pawsight.pack(tmp_path / "pets", tmp_path / "packed")
    found = rows(tmp_path / "packed")
    assert sorted(values[0] for values in found.values()) == ["cats", "dogs"]
    assert "dogs/ö 1,\n.png" in found


def test_interrupted_packing_is_resumed_with_the_same_bytes(pets, tmp_path, monkeypatch):
    from pawsight.workflow import packed_photos

    whole, out = tmp_path / "whole", tmp_path / "packed"
    pawsight.pack(pets, whole, shard_mb=1)
    real, written = packed_photos.write_shard, []

    def stop_at_second(path, name, *rest):
        written.append(name)
        if len(written) == 2:
            raise KeyboardInterrupt
        return real(path, name, *rest)

    monkeypatch.setattr(packed_photos, "write_shard", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        pawsight.pack(pets, out, shard_mb=1)
    with pytest.raises(DataError, match=r"holds 1 of 2 shards: pawsight pack was interrupted"):
        list_photos(out, Silent())
    pawsight.pack(pets, out, shard_mb=1)
    assert written == ["photos-00000.tar", "photos-00001.tar", "photos-00001.tar"]
    for name in ("shards.json", *shard_names(whole)):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_finished_set_is_not_written_again(pets, tmp_path, recorded):
    pawsight.pack(pets, tmp_path / "packed")
    before = (tmp_path / "packed" / "photos-00000.tar").stat().st_mtime_ns
    assert pawsight.pack(pets, tmp_path / "packed", progress=recorded).num_photos == 8
    assert (tmp_path / "packed" / "photos-00000.tar").stat().st_mtime_ns == before
    assert "1 of 1 shards are there already." in recorded.notes


def test_shards_of_other_photos_are_not_overwritten(pets, save_photo, tmp_path):
    pawsight.pack(pets, tmp_path / "packed")
    save_photo("pets/train/cats/new.png", "red")
    with pytest.raises(DiskError, match="holds shards of other photos"):
        pawsight.pack(pets, tmp_path / "packed")


def test_folder_with_something_else_is_refused(pets, tmp_path):
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "diary.txt").write_text("dear")
    with pytest.raises(DiskError, match=r"is not empty: it holds diary\.txt"):
        pawsight.pack(pets, tmp_path / "packed")
    assert [path.name for path in (tmp_path / "packed").iterdir()] == ["diary.txt"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-600]), "its size or checksum differs"),
        (
            lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),
            "its size or checksum differs",
        ),
    ],
)
def test_damaged_shard_is_named(pets, tmp_path, damage, message):
    pawsight.pack(pets, tmp_path / "packed", shard_mb=1)
    damage(tmp_path / "packed" / "photos-00001.tar")
    with pytest.raises(DataError, match=rf"photos-00001\.tar .*{message}"):
        list_photos(tmp_path / "packed", Silent())


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"num_shards": 0},
        {"version": 2},
        {"shards": [{"file": "../photos-00000.tar"}]},
    ],
)
def test_damaged_index_is_named(pets, tmp_path, change):
    pawsight.pack(pets, tmp_path / "packed")
    path = tmp_path / "packed" / "shards.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match="is no index of shards"):
        list_photos(tmp_path / "packed", Silent())


def test_photo_that_changes_meanwhile_is_named(pets, tmp_path, monkeypatch):
    from pawsight.workflow import packed_photos

    real = packed_photos.checksum_of

    def change_one(members, size):
        members[0].file.write_bytes(b"shorter")
        return real(members, size)

    monkeypatch.setattr(packed_photos, "checksum_of", change_one)
    with pytest.raises(DataError, match="was changed while the photos were packed"):
        pawsight.pack(pets, tmp_path / "packed")


def test_place_is_not_made_where_nothing_can_be_packed(pets, tmp_path):
    with pytest.raises(DataError, match="there is no such class"):
        pawsight.pack(pets, tmp_path / "packed", config=SourceConfig(classes=("owls",)))
    assert not (tmp_path / "packed").exists()


def test_size_below_one_is_refused(pets, tmp_path):
    with pytest.raises(ConfigError, match="must be at least 1"):
        pawsight.pack(pets, tmp_path / "packed", shard_mb=0)


def test_place_that_cannot_be_written_is_refused(pets):
    with pytest.raises(SourceError, match=r"cannot write to https://host/pets\.\n.* s3://"):
        pawsight.pack(pets, "https://host/pets")


def test_predictions_name_photos_by_the_packed_set(pets, tmp_path):
    from pawsight.inference.addresses import fetch_addresses

    pawsight.pack(pets, tmp_path / "packed")
    shutil.rmtree(pets)
    (found,) = fetch_addresses([str(tmp_path / "packed")], Silent())
    assert found.inside("test/cats/6.png").shown == f"{tmp_path}/packed/test/cats/6.png"


def test_command_packs_and_states_what_to_do_next(pets, tmp_path):
    from typer.testing import CliRunner

    from pawsight.cli.main import app

    done = CliRunner().invoke(app, ["pack", str(pets), "--into", str(tmp_path / "my packed")])
    assert done.exit_code == 0
    assert "8 photos in 1 shard, 2.4 MB" in done.output
    assert f"Use them: pawsight train '{tmp_path}/my packed'" in done.output


def test_nothing_is_written_among_the_photos(pets):
    with pytest.raises(RunError, match=r"nothing is ever written among .*\n.* another --into"):
        pawsight.pack(pets, pets / "more" / "packed")
    assert not (pets / "more").exists()

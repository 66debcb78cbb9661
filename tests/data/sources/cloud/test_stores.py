"""What is listed of a cloud store, here one in memory."""

import pytest

from pawsight.data.sources.cloud import stores
from pawsight.errors import SourceError
from pawsight.progress import Silent
from pawsight.storage.stores.access import ForbiddenError, NotFoundError

memory = pytest.importorskip("fsspec.implementations.memory")

ZIP = b"PK\x03\x04" + bytes(600)


class Store(memory.MemoryFileSystem):
    """Files in memory, and links that lead nowhere."""

    cachable = False
    links = ()

    def find(self, path, detail=False, **kwargs):
        found = super().find(path, detail=detail, **kwargs)
        if not detail:
            return found
        return {
            **{link: {"name": link, "size": 0, "type": "dangling"} for link in self.links},
            **dict(reversed(found.items())),
        }


@pytest.fixture
def store(monkeypatch):
    """A store at s3://, with photos in two folders."""
    monkeypatch.setattr(Store, "store", {})
    monkeypatch.setattr(Store, "pseudo_dirs", [""])
    opened = Store()
    for number, path in enumerate(("b/pets/dogs/rex.jpg", "b/pets/cats/tom.jpg", "b/readme.txt")):
        opened.pipe_file(f"/{path}", bytes(number + 1))

    def open_store(text):
        return opened, f"/{text.removeprefix('s3://')}"

    monkeypatch.setattr(stores, "open_store", open_store)
    return opened


def listed(address, progress=None):
    return stores.list_files(address, progress or Silent())


def facts(found):
    return [(file.path, file.size) for file in found.files]


@pytest.mark.parametrize(
    ("address", "name", "top"),
    [("s3://b/pets", "pets", ""), ("s3://b/pets/", "pets", ""), ("s3://b", "b", "pets/")],
)
def test_a_folder_is_called_by_its_name_and_its_photos_come_in_order(store, address, name, top):
    found = listed(address)
    assert (found.name, found.address) == (name, address)
    assert facts(found) == [(f"{top}cats/tom.jpg", 2), (f"{top}dogs/rex.jpg", 1)]


def test_the_whole_store_is_called_by_its_address(store, monkeypatch):
    monkeypatch.setattr(stores, "open_store", lambda text: (store, "/"))
    found = listed("s3://everything")
    assert (found.name, next(file.path for file in found.files)) == (
        "everything",
        "b/pets/cats/tom.jpg",
    )


def test_a_table_is_listed_with_the_folder_that_it_is_in(store):
    store.pipe_file("/b/pets/labels.csv", b"path,label\n")
    found = listed("s3://b/pets/labels.csv")
    assert (found.name, found.address, found.table) == ("pets", "s3://b/pets", "labels.csv")
    assert [path for path, _ in facts(found)] == ["cats/tom.jpg", "dogs/rex.jpg", "labels.csv"]


def test_a_file_without_an_ending_is_known_by_its_first_bytes(store):
    store.pipe_file("/b/packed", ZIP)
    found = listed("s3://b/packed")
    assert (found.name, found.archive, facts(found)) == ("packed", "packed", [("packed", 604)])
    store.pipe_file("/b/empty", b"")
    with pytest.raises(SourceError, match=r"s3://b/empty is a file, but neither"):
        listed("s3://b/empty")


def test_a_file_is_read_from_any_byte_and_seen_anew_when_it_changed(store):
    store.pipe_file("/b/pets/cats/tom.jpg", b"0123456")
    file = listed("s3://b/pets").files[0]
    with file.open_stream(3) as stream:
        assert (stream.start, b"".join(stream.chunks)) == (3, b"3456")
    store.pipe_file("/b/pets/cats/tom.jpg", b"012345678")
    again = file.refreshed()
    assert (again.path, again.size, again.version != file.version) == (file.path, 9, True)


@pytest.mark.parametrize(("count", "named"), [(5, "4.jpg."), (6, "4.jpg and 1 more.")])
def test_links_of_photos_that_lead_nowhere_are_named_up_to_five(store, recorded, count, named):
    store.links = [f"/b/pets/cats/{number}.jpg" for number in range(count)]
    store.links += ["/b/pets/notes.doc", "/b/pets/.hidden/1.jpg"]
    assert len(listed("s3://b/pets", recorded).files) == 2
    (note,) = recorded.notes
    assert note.startswith("Left out, since they are links that lead nowhere: cats/0.jpg, cats/1.")
    assert note.endswith(named)


def test_nothing_is_noted_of_a_store_without_such_links(store, recorded):
    listed("s3://b/pets", recorded)
    assert recorded.notes == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            NotFoundError("no such key"),
            r"There is no s3://b/pets \(no such key\)\.\nCheck the names",
        ),
        (ForbiddenError("wrong key"), r"does not let you read s3://b/pets: wrong key\.\n"),
        (OSError("reset"), r"s3://b/pets cannot be listed: reset\.\n.*did not answer"),
    ],
)
def test_what_went_wrong_is_named_with_what_to_do(store, monkeypatch, error, message):
    def fail(path):
        raise error

    monkeypatch.setattr(store, "info", fail)
    with pytest.raises(SourceError, match=message):
        listed("s3://b/pets")

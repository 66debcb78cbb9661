"""Which files of Google Drive are copied, and which item an address means."""

import pytest

from pawsight.data.sources.drive.addresses import read_address
from pawsight.data.sources.drive.api_errors import NotFoundError
from pawsight.data.sources.drive.client import FOLDER, SHORTCUT
from pawsight.data.sources.drive.listing import list_folder, remote_file
from pawsight.data.sources.drive.resolving import resolve
from pawsight.errors import SourceError
from pawsight.progress import Silent
from pawsight.storage.download import DownloadError, RetriesExhaustedError

DOCUMENT = "application/vnd.google-apps.document"


class Items:
    """A drive of items: id, name, folder, and fields that differ from those of a photo."""

    def __init__(self):
        self.items = {}
        self.refused = {}
        self.drives = []
        self.add("root", "My Drive", "", mimeType=FOLDER)

    def add(self, id_, name, parent="root", **fields):
        facts = {"id": id_, "name": name, "parent": parent, "mimeType": "image/jpeg", "size": "5"}
        self.items[id_] = facts | fields

    def shortcut(self, id_, name, parent, target, mime_type="image/jpeg"):
        details = {"targetId": target, "targetMimeType": mime_type}
        self.add(id_, name, parent, mimeType=SHORTCUT, shortcutDetails=details)

    def get(self, id_, resource_key=""):
        if id_ not in self.items:
            raise NotFoundError("it is not there")
        return self.items[id_]

    def shared_drives(self):
        return self.drives

    def list_items(self, condition, drive_id="", folder_id=""):
        if folder_id in self.refused:
            raise self.refused[folder_id]
        named = condition.partition(" and name = ")[2].strip("'").replace("\\'", "'")
        for item in self.items.values():
            is_inside = item["parent"] == folder_id if folder_id else item["parent"] == "shared"
            if is_inside and (not named or item["name"] == named):
                yield item

    def open_file(self, id_, start):
        return id_, start


@pytest.fixture
def drive():
    found = Items()
    found.add("pets", "pets", mimeType=FOLDER)
    found.add("cats", "cats", "pets", mimeType=FOLDER)
    return found


def listed(drive, recorded):
    found = list_folder(drive, drive.get("pets"), recorded)
    return [file.path for file in found.files], found


def test_photos_and_tables_are_wanted_in_the_order_of_their_paths(drive, recorded):
    drive.add("2", "tom.jpg", "cats")
    drive.add("1", "tom.jpg", "cats")
    drive.add("3", "labels.csv", "pets", mimeType="text/csv")
    drive.add("4", "notes.doc", "pets", mimeType="text/plain")
    drive.add("5", "all.zip", "pets", mimeType="application/zip")
    drive.add("6", "plan", "pets", mimeType=DOCUMENT)
    drive.add("7", "__MACOSX", "pets", mimeType=FOLDER)
    drive.add("8", "x.jpg", "7")
    paths, found = listed(drive, recorded)
    assert paths == ["cats/tom.jpg", "cats/tom (2).jpg", "labels.csv"]
    # Of two names, the number goes by the id, which stays the same.
    assert [file.open_stream(3) for file in found.files[:2]] == [("1", 3), ("2", 3)]
    assert (found.archives, found.documents, found.unreadable) == (["all.zip"], ["plan"], [])


def test_a_shortcut_leads_to_what_it_names_and_never_back(drive, recorded):
    drive.add("elsewhere", "more", mimeType=FOLDER)
    drive.add("1", "rex.jpg", "elsewhere")
    drive.add("2", "far.png", "elsewhere")
    drive.shortcut("s1", "dogs", "pets", "elsewhere", FOLDER)
    drive.shortcut("s2", "up", "cats", "pets", FOLDER)
    drive.shortcut("s3", "near.png", "cats", "2")
    drive.shortcut("s4", "a plan", "cats", "plan", DOCUMENT)
    drive.shortcut("s5", "notes.doc", "cats", "notes", "text/plain")
    drive.shortcut("s6", "broken.jpg", "cats", "gone")
    paths, found = listed(drive, recorded)
    assert paths == ["cats/near.png", "dogs/far.png", "dogs/rex.jpg"]
    assert found.documents == ["cats/a plan"]
    assert found.unreadable == ["cats/broken.jpg: it is not there"]


def test_a_shortcut_that_has_the_name_of_its_photo_is_a_second_photo(drive, recorded):
    drive.add("1", "tom.jpg", "cats")
    drive.shortcut("s", "tom.jpg", "cats", "1")
    assert listed(drive, recorded)[0] == ["cats/tom.jpg", "cats/tom (2).jpg"]


def test_all_but_folders_are_counted(drive):
    counts = []

    class Counting(Silent):
        def advance(self, done, **facts):
            counts.append(done)

    drive.add("1", "tom.jpg", "cats")
    drive.add("2", "notes.doc", "cats", mimeType="text/plain")
    drive.add("3", "rex.jpg", "pets")
    drive.shortcut("s", "near.jpg", "pets", "1")
    listed(drive, Counting())
    assert counts == [2, 2]  # those of pets, and of the folder cats in it


def test_a_folder_that_may_not_be_read_is_named_and_the_others_are_listed(drive, recorded):
    drive.add("1", "tom.jpg", "pets")
    drive.refused = {"cats": DownloadError("not allowed")}
    paths, found = listed(drive, recorded)
    assert (paths, found.unreadable) == (["tom.jpg"], ["cats: not allowed"])
    for refused in ({"cats": RetriesExhaustedError("gone")}, {"pets": DownloadError("no")}):
        drive.refused = refused
        with pytest.raises(SourceError, match="The folder cannot be listed in Google Drive"):
            listed(drive, recorded)
    drive.refused = {"cats": ZeroDivisionError("a fault of ours")}
    with pytest.raises(ZeroDivisionError):
        listed(drive, recorded)


def test_a_file_of_drive_has_a_version_and_its_checksum(drive):
    drive.add("1", "tom.jpg", "cats", md5Checksum="ab")
    drive.add("2", "rex.jpg", "cats", modifiedTime="today")
    drive.add("3", "sheet", "cats", size=None, modifiedTime="now")
    first, second, third = (remote_file(drive, drive.get(id_), "x") for id_ in "123")
    assert (first.size, first.version, first.checksum) == (5, "ab", "ab")
    assert (second.version, second.checksum) == ("today 5", "")
    assert (third.size, third.version) == (None, "now None")
    assert first.refreshed().version == "ab"


def found(drive, text):
    return resolve(drive, read_address(text))["id"]


def test_a_path_is_walked_from_its_top(drive):
    drive.add("a/b", "a/b", "cats", mimeType=FOLDER)
    drive.add("deep", "deep.jpg", "a/b")
    drive.add("given", "given", "shared", mimeType=FOLDER)
    drive.add("zoo", "Zoo", "", mimeType=FOLDER)
    drive.add("x", "x", "zoo")
    drive.drives = [{"id": "zoo", "name": "Zoo"}]
    assert found(drive, "gdrive:pets/cats") == "cats"
    assert found(drive, "gdrive:PETS/Cats") == "cats"  # other letters
    assert found(drive, "gdrive:pets/cats/a/b/deep.jpg") == "deep"  # a slash in a name
    assert found(drive, "gdrive:") == "root"
    assert found(drive, "gdrive:Shared with me/given") == "given"
    assert found(drive, "gdrive:Shared drives/zoo/x") == "x"


def test_what_is_not_there_or_there_twice_is_named(drive):
    drive.add("pets2", "pets", mimeType=FOLDER)
    with pytest.raises(
        SourceError, match=r"There are 2 items named pets .*\n.*gdrive:pets, gdrive:pe"
    ):
        found(drive, "gdrive:pets/cats")
    del drive.items["pets2"]
    with pytest.raises(SourceError, match=r"There is no cat in pets .*\n.*Did you mean cats\?"):
        found(drive, "gdrive:pets/cat")
    with pytest.raises(SourceError, match=r"There is no xyz in pets .*\n.*Its items: cats\."):
        found(drive, "gdrive:pets/xyz")
    with pytest.raises(
        SourceError, match=r"names no folder.\nWrite its name after Shared with me/"
    ):
        found(drive, "gdrive:Shared with me")
    drive.drives = [{"id": "1", "name": "Zoo"}, {"id": "2", "name": "zoo"}]
    with pytest.raises(SourceError, match=r"There are 2 shared drives named ZOO"):
        found(drive, "gdrive:Shared drives/ZOO")
    with pytest.raises(
        SourceError, match=r"no shared drive named x.\nYour shared drives: Zoo, zoo\."
    ):
        found(drive, "gdrive:Shared drives/x")
    with pytest.raises(
        SourceError, match=r"names no shared drive.\nYour shared drives: Zoo, zoo\."
    ):
        found(drive, "gdrive:Shared drives")
    drive.drives = []
    with pytest.raises(SourceError, match=r"Your shared drives: none\."):
        found(drive, "gdrive:Shared drives/x")


def test_an_id_may_be_a_name_as_well_and_a_shortcut_is_followed(drive):
    id_ = "1a_B-" + "c" * 20
    with pytest.raises(SourceError, match=f"There is no {id_} in My Drive"):
        found(drive, f"gdrive:{id_}")
    drive.add("named", id_, mimeType=FOLDER)
    assert found(drive, f"gdrive:{id_}") == "named"
    drive.shortcut(id_, "to the cats", "pets", "cats", FOLDER)
    assert found(drive, f"gdrive:{id_}") == "cats"
    assert found(drive, "gdrive:pets/to the cats") == "cats"
    with pytest.raises(SourceError, match=r"cannot be read from Google Drive: it is not there"):
        found(drive, "https://drive.google.com/drive/folders/" + "z" * 20)

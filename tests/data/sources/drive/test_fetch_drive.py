"""Photos in Google Drive become a local folder: the real client library, a server on loopback."""

import io
import os
import zipfile

import pytest

from pawsight.data.sources import fetch
from pawsight.errors import SourceError
from pawsight.progress import Silent

from .conftest import FOLDER, Trouble


class Notes(Silent):
    def __init__(self):
        self.notes, self.done, self.total = [], 0, None

    def start(self, task, total=None, unit=""):
        self.done, self.total = 0, total

    def advance(self, done, **facts):
        self.done += done

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def pets(world):
    """`My Drive/pets` with one cat and one dog."""
    world.pets = world.add("pets")
    world.cats = world.add("cats", parent=world.pets)
    world.dogs = world.add("dogs", parent=world.pets)
    world.tom = world.add("tom.jpg", b"tom" * 20_000, world.cats)
    world.rex = world.add("rex.jpg", b"rex" * 40_000, world.dogs)
    return world


def contents(source):
    return {
        path.relative_to(source.root).as_posix(): path.read_bytes()
        for path in source.root.rglob("*")
        if path.is_file() and not path.relative_to(source.root).as_posix().startswith(".")
    }


PETS = {"cats/tom.jpg": b"tom" * 20_000, "dogs/rex.jpg": b"rex" * 40_000}


@pytest.mark.parametrize(
    "text",
    [
        "gdrive:My Drive/pets",
        "gdrive:pets",
        "gdrive:/MyDrive/pets/",
        "gdrive:PETS",
        "GDrive:{pets}",
        "https://drive.google.com/drive/folders/{pets}?usp=sharing",
        "https://drive.google.com/drive/u/1/folders/{pets}",
        "https://drive.google.com/open?id={pets}",
    ],
)
def test_a_folder_is_copied_however_it_is_named(pets, text):
    recorded = Notes()
    source = fetch(text.format(pets=pets.pets), recorded)
    assert source.name == "pets"
    assert contents(source) == PETS
    assert recorded.done == recorded.total == 180_000


def test_a_second_run_copies_only_what_changed(pets):
    fetch("gdrive:pets", Silent())
    pets.change(pets.tom, b"another tom")
    pets.asked.clear()
    assert contents(fetch("gdrive:pets", Silent()))["cats/tom.jpg"] == b"another tom"
    assert pets.bytes_asked() == [(pets.tom, "")]


def test_a_file_that_changes_after_it_was_listed_is_copied_again(pets):
    right = dict(pets.files[pets.tom].facts)
    pets.files[pets.tom].content = b"another tom"
    pets.troubles[pets.tom] = []
    old = pets.files[pets.tom].facts
    asked = pets.trouble

    def trouble(key):  # the second question of what it is finds the new facts
        if key == pets.tom:
            pets.change(pets.tom, b"another tom")
        return asked(key)

    pets.trouble = trouble
    assert old == right
    assert contents(fetch("gdrive:pets", Silent()))["cats/tom.jpg"] == b"another tom"


def test_a_file_in_a_shared_drive_is_found(world):
    world.drives = [{"id": "0Atwentyletters12345", "name": "Lab"}]
    top = world.add("Lab", file_id="0Atwentyletters12345", driveId="0Atwentyletters12345")
    pets = world.add("pets", parent=top, driveId=top)
    cats = world.add("cats", parent=pets, driveId=top)
    world.add("tom.jpg", b"tom", cats, driveId=top)
    assert contents(fetch("gdrive:Shared drives/Lab/pets", Silent())) == {"cats/tom.jpg": b"tom"}
    with pytest.raises(SourceError, match=r"no shared drive named Lob\.\nYour shared drives: Lab"):
        fetch("gdrive:Shared drives/Lob/pets", Silent())


def test_what_others_shared_is_found(world):
    pets = world.add("pets", parent="shared")
    world.add("tom.jpg", b"tom", pets)
    assert contents(fetch("gdrive:Shared with me/pets", Silent())) == {"tom.jpg": b"tom"}


def test_shortcuts_to_files_and_folders_are_followed_and_loops_end(pets):
    birds = pets.add("elsewhere")
    pets.add("coco.jpg", b"coco", birds)
    pets.shortcut("birds", birds, pets.pets)
    pets.shortcut("up", pets.pets, birds)
    pets.shortcut("rex again.jpg", pets.rex, pets.cats)
    source = fetch("gdrive:pets", Silent())
    assert contents(source) == PETS | {
        "birds/coco.jpg": b"coco",
        "cats/rex again.jpg": b"rex" * 40_000,
    }


def test_a_shortcut_that_leads_nowhere_is_named(pets):
    pets.shortcut("gone.jpg", "nothing-there", pets.cats)
    recorded = Notes()
    assert contents(fetch("gdrive:pets", recorded)) == PETS
    assert "cats/gone.jpg: it does not exist" in recorded.notes[0]


def test_an_address_may_go_through_a_shortcut(pets):
    pets.shortcut("my pets", pets.pets)
    assert contents(fetch("gdrive:my pets/cats", Silent())) == {"tom.jpg": b"tom" * 20_000}


def test_slashes_quotes_and_emoji_in_names(world):
    pets = world.add("Ann's pets/2024 😀\\")
    cats = world.add("cats/kittens", parent=pets)
    world.add("a/b 😀.jpg", b"x", cats)
    source = fetch("gdrive:My Drive/Ann's pets/2024 😀\\/cats/kittens", Silent())
    assert contents(source) == {"a_b 😀.jpg": b"x"}
    assert contents(fetch("gdrive:Ann's pets/2024 😀\\", Silent())) == {
        "cats_kittens/a_b 😀.jpg": b"x"
    }


def test_two_photos_of_one_name_are_both_copied_and_two_folders_become_one(pets):
    pets.add("tom.jpg", b"second", pets.cats)
    more = pets.add("cats", parent=pets.pets)
    pets.add("tom.jpg", b"third", more)
    found = contents(fetch("gdrive:pets", Silent()))
    assert found == PETS | {"cats/tom (2).jpg": b"second", "cats/tom (3).jpg": b"third"}


def test_two_folders_of_the_name_in_an_address_are_named_by_their_ids(pets):
    other = pets.add("pets")
    with pytest.raises(SourceError, match=f"(?s)2 items named pets.*gdrive:{pets.pets}.*{other}"):
        fetch("gdrive:pets", Silent())


def test_documents_of_googles_own_are_named_and_other_files_left_there(pets):
    pets.add("Plan", kind="application/vnd.google-apps.document", parent=pets.pets)
    pets.add("film.mp4", b"film", pets.pets)
    pets.add("labels.csv", b"path,label\n", pets.pets, kind="text/csv")
    pets.add(".trash", parent=pets.pets)
    recorded = Notes()
    assert contents(fetch("gdrive:pets", recorded)) == PETS | {"labels.csv": b"path,label\n"}
    assert recorded.notes == [
        "Left out 1 Google document (Docs, Sheets, Forms), which cannot be copied as files: Plan."
    ]


def test_many_pages_give_every_file_once(pets):
    pets.page_size = 7
    for number in range(50):
        pets.add(f"{number}.jpg", b"%d" % number, pets.cats)
    assert len(contents(fetch("gdrive:pets", Silent()))) == 52


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_large_folder_is_copied_once_and_then_only_what_changed(pets):
    count = int(os.environ.get("PAWSIGHT_DRIVE_FILES", "1200"))  # two pages
    made = [pets.add(f"{number}.jpg", b"%d" % number, pets.cats) for number in range(count)]
    assert len(contents(fetch("gdrive:pets", Silent()))) == count + 2
    pets.change(made[7], b"changed")
    pets.asked.clear()
    found = contents(fetch("gdrive:pets", Silent()))
    assert found["cats/7.jpg"] == b"changed"
    assert pets.bytes_asked() == [(made[7], "")]


def test_a_page_that_repeats_for_ever_is_an_error(pets):
    pets.page_size = 1
    pets.add("b.jpg", b"b", pets.cats)
    pets.repeats_pages = True
    with pytest.raises(SourceError, match="repeats pages"):
        fetch("gdrive:pets", Silent())


def test_an_archive_is_copied_and_unpacked(world):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("cats/tom.jpg", b"tom")
    file_id = world.add("pets.zip", packed.getvalue(), kind="application/zip")
    link = f"https://drive.google.com/file/d/{file_id}/view?usp=drive_link"
    source = fetch(link, Silent())
    assert (source.name, contents(source)) == ("pets", {"cats/tom.jpg": b"tom"})
    world.asked.clear()
    assert fetch("gdrive:pets.zip", Silent()).root == source.root
    assert not world.bytes_asked()


def test_a_folder_that_only_holds_an_archive_reports_it(world):
    box = world.add("box")
    world.add("pets.zip", b"PK", box, kind="application/zip")
    with pytest.raises(SourceError, match=r"(?s)no photos in box.*such as gdrive:box/pets\.zip"):
        fetch("gdrive:box", Silent())


def test_a_single_photo_is_no_source(pets):
    with pytest.raises(SourceError, match=r"tom\.jpg in Google Drive is neither a folder nor"):
        fetch("gdrive:pets/cats/tom.jpg", Silent())


def test_a_misspelt_name_gets_a_suggestion(pets):
    with pytest.raises(SourceError, match=r"no pest in My Drive .*\nDid you mean pets\?"):
        fetch("gdrive:pest", Silent())


def test_a_link_without_an_id_is_refused():
    with pytest.raises(SourceError, match="leads to no file or folder"):
        fetch("https://drive.google.com/drive/my-drive", Silent())


def test_an_older_link_brings_its_resource_key(world):
    pets = world.add("pets", resourceKey="0-key")
    world.add("tom.jpg", b"tom", pets)
    with pytest.raises(SourceError, match="does not exist, or is not shared"):
        fetch(f"https://drive.google.com/drive/folders/{pets}", Silent())
    link = f"https://drive.google.com/drive/folders/{pets}?resourcekey=0-key"
    assert contents(fetch(link, Silent())) == {"tom.jpg": b"tom"}


def test_a_reset_in_the_middle_of_a_file_is_gone_on_from(pets):
    pets.troubles[f"{pets.rex}:bytes"] = [Trouble(200, cut=1 << 15), Trouble(200, cut=1 << 16)]
    assert contents(fetch("gdrive:pets", Silent())) == PETS
    ranges = [piece for file_id, piece in pets.bytes_asked() if file_id == pets.rex]
    assert ranges == ["", "bytes=32768-", "bytes=65536-"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "userRateLimitExceeded"), (403, "rateLimitExceeded"), (429, ""), (500, ""), (503, "")],
)
def test_limits_and_busy_servers_are_waited_for(pets, status, reason):
    pets.troubles["list"] = [Trouble(status, reason)]
    pets.troubles[f"{pets.tom}:bytes"] = [Trouble(status, reason, {"Retry-After": "7"})]
    assert contents(fetch("gdrive:id-of-00000000000000000001", Silent())) == PETS
    assert 7.0 in pets.pauses


def test_a_file_that_is_forbidden_is_left_out_at_once(pets):
    pets.troubles[f"{pets.tom}:bytes"] = [Trouble(403, "cannotDownloadFile")]
    recorded = Notes()
    assert list(contents(fetch("gdrive:pets", recorded))) == ["dogs/rex.jpg"]
    assert "cats/tom.jpg: its owner does not allow downloads" in recorded.notes[0]
    assert not pets.pauses


def test_wrong_bytes_are_fetched_once_more_and_then_left_out(pets):
    pets.files[pets.tom].content = b"TOM" * 20_000
    recorded = Notes()
    assert list(contents(fetch("gdrive:pets", recorded))) == ["dogs/rex.jpg"]
    assert "cats/tom.jpg: it arrived twice with a wrong checksum" in recorded.notes[0]


def test_an_api_that_is_switched_off_ends_it_with_what_to_do(pets):
    pets.troubles["list"] = [Trouble(403, "accessNotConfigured")]
    with pytest.raises(SourceError, match=r"not enabled .*\nEnable it"):
        fetch("gdrive:pets", Silent())


def test_without_a_connection_it_is_given_up(world, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_DRIVE_URL", "http://127.0.0.1:9/drive/v3")
    with pytest.raises(SourceError, match="there is no connection to Google Drive"):
        fetch("gdrive:pets", Silent())


def test_an_empty_folder_is_named(world):
    world.add("empty", kind=FOLDER)
    with pytest.raises(SourceError, match="no photos in empty in Google Drive"):
        fetch("gdrive:empty", Silent())


def test_an_expired_sign_in_is_renewed(signed_in):
    pets = signed_in.add("pets")
    signed_in.add("tom.jpg", b"tom", pets)
    assert contents(fetch("gdrive:pets", Silent())) == {"tom.jpg": b"tom"}
    assert "/token" in [path for path, _, _ in signed_in.asked]


def test_a_sign_in_that_runs_out_on_the_way_is_renewed(signed_in):
    pets = signed_in.add("pets")
    tom = signed_in.add("tom.jpg", b"tom", pets)
    signed_in.troubles[f"{tom}:bytes"] = [Trouble(401, "authError")]
    signed_in.troubles["list"] = [Trouble(401, "authError")]
    assert contents(fetch("gdrive:pets", Silent())) == {"tom.jpg": b"tom"}


def test_a_sign_in_that_was_withdrawn_advises_to_sign_in_again(signed_in):
    signed_in.troubles["token"] = [Trouble(400, "invalid_grant")] * 9
    with pytest.raises(SourceError, match=r"(?s)expired or was withdrawn.*pawsight drive login"):
        fetch("gdrive:pets", Silent())

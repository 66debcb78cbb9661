import pytest

from pawsight.data.sources.drive.addresses import Address, is_address, read_address
from pawsight.errors import SourceError

ID = "1a_B-" + "c" * 14  # 19 characters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gdrive:My Drive/pets", True),
        ("GDRIVE:x", True),
        ("https://drive.google.com/drive/folders/1", True),
        ("http://docs.google.com/file/d/1", True),
        ("https://example.com/drive.google.com", False),
        ("drive.google.com/drive/folders/1", False),
        ("my gdrive:x", False),
    ],
)
def test_addresses_of_google_drive_are_recognised(text, expected):
    assert is_address(text) is expected


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("gdrive:my drive/pets//cats/", ("My Drive", "pets", "cats")),
        ("gdrive:MyDrive/pets", ("My Drive", "pets")),  # as Colab mounts it
        ("gdrive:Shareddrives/zoo", ("Shared drives", "zoo")),
        ("gdrive:shared with me/pets", ("Shared with me", "pets")),
        ("gdrive: pets/cats", ("My Drive", "pets", "cats")),
        ("gdrive:", ("My Drive",)),
    ],
)
def test_a_path_begins_at_one_of_the_tops(text, path):
    assert read_address(text) == Address(text, path=path)


def test_what_may_be_an_id_is_a_name_as_well():
    text = f"gdrive:{ID}"
    assert read_address(text) == Address(text, file_id=ID, path=("My Drive", ID))
    assert read_address(text[:-1]).file_id == ""  # 18 characters are too few
    assert read_address(f"gdrive:{ID}/cats").file_id == ""


@pytest.mark.parametrize(
    ("link", "file_id", "key"),
    [
        (f"https://drive.google.com/drive/folders/{ID}?usp=sharing", ID, ""),
        (f"https://drive.google.com/file/d/{ID}/view?resourcekey=0-k", ID, "0-k"),
        ("https://drive.google.com/open?id=abcdefghij", "abcdefghij", ""),
        ("https://drive.google.com/drive/folders/abcdefghij", "abcdefghij", ""),
    ],
)
def test_a_link_has_an_id(link, file_id, key):
    for text in (link, f"gdrive:{link}"):
        assert read_address(text) == Address(link, file_id, key)


@pytest.mark.parametrize("rest", ["/drive/my-drive", "/drive/folders/abcdefghi", "/open?id="])
def test_a_link_without_an_id_is_an_error_for_people(rest):
    with pytest.raises(SourceError, match="leads to no file or folder"):
        read_address(f"https://drive.google.com{rest}")

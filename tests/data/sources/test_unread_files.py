"""Files that are no source of photos are named with what to do instead."""

from pathlib import Path

import pytest

from pawsight.data.sources.unread_files import (
    advice_on_files,
    advice_on_tables,
    is_document,
    is_piece,
    no_source,
    wrong_download,
)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("pets.zip.001", True),
        ("pets.z01", True),
        ("PETS.PART2.RAR", True),
        ("pets.zip", False),
        ("pets.0001", False),
        ("pets.001.zip", False),
    ],
)
def test_pieces_of_a_divided_archive_are_known_by_their_names(name, is_one):
    assert is_piece(Path(name)) is is_one
    assert ("is one piece of a divided archive" in no_source(Path(name))) is is_one


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (
            "a.XLSX",
            "is a spreadsheet, which pawsight does not read.\nSave its sheet as 'CSV UTF-8'",
        ),
        ("a.parquet", "is a table of another format"),
        ("a.yaml", "is a list of another format"),
        ("a.h5", "is a file of arrays"),
        ("a.txt", "is a text file, which pawsight does not read.\nIf it is a table"),
        ("a.pdf", "is a document"),
        ("a.bin", "is a file, but neither"),
        ("a", "is a file, but neither"),
    ],
)
def test_a_file_is_named_by_its_kind(name, what):
    assert no_source(Path(name)).startswith(f"{name} {what}")


def test_documents_are_packed_like_archives_and_are_none():
    assert is_document(Path("a.docx")) and is_document(Path("a.ods"))
    assert not is_document(Path("a.zip")) and not is_document(Path("a.json"))


def test_a_page_or_a_pointer_is_no_download():
    assert wrong_download(b"<!DOCTYPE html><html>").startswith("a web page")
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n"
    assert wrong_download(pointer).startswith("a Git LFS pointer")
    assert wrong_download(b"\x89PNG") == ""


def advice(folder, **files):
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return advice_on_files(folder)


def test_the_first_thing_to_do_with_the_files_of_a_folder_is_named(tmp_path):
    assert advice(tmp_path, readme__md="x", notes__txt="words") == ""
    assert advice(tmp_path, zlist__txt="a.jpg 0\nb.jpg 1\n").startswith(
        "zlist.txt in it names photos, but is no .csv, so it is not read. Write a .csv"
    )
    assert advice(tmp_path, data__json="{}") == (
        "data.json in it is a table of another format, which pawsight does not read. Write a .csv "
        "with the columns path and label, and give that.\n"
    )
    boxes = "0 0.5 0.5 0.2 0.1\n"
    assert advice(tmp_path, boxes__txt=boxes).startswith("boxes.txt holds YOLO annotations")
    assert advice(tmp_path, pets__zip="PK").startswith("The archive pets.zip in it is not unpacked")
    assert advice_on_files(tmp_path / "gone") == ""


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    (tmp_path / ".pets.zip").touch()
    (tmp_path / "pets.zip").mkdir()
    assert advice_on_files(tmp_path) == ""


def test_tables_beside_folders_are_named_but_json_is_none(tmp_path):
    for name in ("a.json", "b.pdf", ".c.xlsx", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.xlsx").mkdir()
    assert advice_on_tables(tmp_path) == ""
    (tmp_path / "e.xlsx").touch()
    assert advice_on_tables(tmp_path).startswith("e.xlsx in it is a spreadsheet")

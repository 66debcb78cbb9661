"""Names of files and classes cannot act on a terminal, a page of Markdown, or a spreadsheet."""

import pytest

from pawsight.formatting import (
    inert_cell,
    inert_path,
    markdown_text,
    original_cell,
    original_path,
    printable,
    printable_lines,
)


def test_control_and_bidirectional_characters_are_escaped():
    assert printable("a\x1b[31m\x07\u202eb\n") == "a\\x1b[31m\\x07\\u202eb\\n"
    assert printable("kött 🐱") == "kött 🐱"
    assert printable_lines("a\x07\nb") == "a\\x07\nb"


def test_markdown_shows_a_name_as_it_is():
    assert markdown_text("<img src=x>") == "&lt;img src=x&gt;"
    assert markdown_text("a*b_[c](d)|`e`#\\") == "a\\*b\\_\\[c\\](d)\\|\\`e\\`\\#\\\\"


@pytest.mark.parametrize(
    "text", ["=1", "@a", "+a", "-a", "\t=1", "\n=1", "\uff1d1", "-1+cmd|' /C calc'!A0"]
)
def test_what_a_spreadsheet_takes_for_a_formula_is_marked(text):
    assert inert_cell(text) == f"'{text}"
    assert inert_path(text) == f"./{text}"


@pytest.mark.parametrize("text", ["", "cats", "-1", "+1.5", "a=1", "1-2"])
def test_other_cells_stay(text):
    assert inert_cell(text) == inert_path(text) == text


@pytest.mark.parametrize("begin", ["", "'", "''", "./", "././", "'./", "./'", " "])
@pytest.mark.parametrize("text", ["", "cats", "=1", "'", "@", "-1", "-a", "./", "a=1", "\udcff"])
def test_marked_cells_and_paths_come_back(begin, text):
    name = begin + text

    assert original_cell(inert_cell(name)) == name
    assert original_path(inert_path(name)) == name

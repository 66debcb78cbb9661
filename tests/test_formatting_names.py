"""Names of files and classes cannot act on a terminal, a page of Markdown, or a spreadsheet."""

import os
import shutil
import subprocess

import pytest

from pawsight.formatting import (
    exclude_options,
    inert_cell,
    inert_path,
    listed,
    markdown_text,
    original_cell,
    original_path,
    printable,
    printable_lines,
    shell_quoted,
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


@pytest.mark.parametrize("text", ["cats", "my cats", "a'b", "kött", "=1", "$HOME", ""])
def test_what_can_be_printed_is_quoted_as_usual(text):
    assert subprocess.check_output(["sh", "-c", f"printf %s {shell_quoted(text)}"]) == text.encode()


@pytest.mark.skipif(not shutil.which("bash"), reason="needs Bash")
@pytest.mark.parametrize("text", ["a\nb", "a\n'b\\c", "\x1b[31m1", "\u202eb", "\udce9\n", "\x85e"])
def test_what_cannot_be_printed_is_spelled_out_as_a_shell_reads_it(text):
    quoted = shell_quoted(text)
    assert quoted.isprintable()
    found = subprocess.check_output(["bash", "-c", f"printf %s {quoted}"])
    assert found == os.fsencode(text)


def test_all_names_to_be_left_out_become_options_up_to_a_limit():
    assert exclude_options(["old", "a b", "c"], 2) == "--exclude old --exclude 'a b' ..."
    assert exclude_options(name for name in "ab") == "--exclude a --exclude b"


def test_the_first_names_of_a_list_are_printable_and_the_others_counted():
    assert listed([]) == ""
    assert listed(["a\nb", 2], 2) == r"a\nb, 2"
    assert listed(range(1500), 2, " = ") == "0 = 1 and 1,498 more"

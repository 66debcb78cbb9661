import codecs

import pytest

from pawsight.data.sources.table_cells import read_cells, utf16_codec
from pawsight.errors import DataError


@pytest.fixture
def cells(tmp_path):
    """Read the cells of a table of these bytes or this text."""

    def read(content, encoding=None):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_cells(path, encoding)

    return read


@pytest.mark.parametrize(
    ("text", "headings", "rows"),
    [
        ("a,b\n1,2\n", ["a", "b"], [(2, ["1", "2"])]),
        ("a;b\n1,5;2\n", ["a", "b"], [(2, ["1,5", "2"])]),
        ("a\tb\n1\t2", ["a", "b"], [(2, ["1", "2"])]),
        ("a|b,c\n1|2", ["a|b", "c"], [(2, ["1|2"])]),  # as many of both: the comma
        ("sep=|\na,c|b\n1|2\n", ["a,c", "b"], [(3, ["1", "2"])]),
        ('"a,b,c";d\n1;2\n', ["a,b,c", "d"], [(2, ["1", "2"])]),  # commas in quotes do not count
        ("\n \n# exported by a tool\na,b\n1,2\n", ["a", "b"], [(5, ["1", "2"])]),
        ("# a,b\n1,2\n", ["# a", "b"], [(2, ["1", "2"])]),  # a heading that begins with #
        (" a , b \n\n1 , 2\n,\n3,4\n", ["a", "b"], [(3, ["1", "2"]), (5, ["3", "4"])]),
        ('"a\n  c",b\n"1\n2",3\n4,5\n', ["a c", "b"], [(4, ["1\n2", "3"]), (5, ["4", "5"])]),
        ("a,b\n1\u2028x,2\n", ["a", "b"], [(2, ["1\u2028x", "2"])]),  # ends no line
        ("", [], []),
    ],
)
def test_cells_are_read_whatever_the_separator_with_the_number_of_their_line(
    cells, text, headings, rows
):
    assert cells(text) == (headings, rows)


def test_a_quote_that_is_not_closed_is_named_by_its_line(cells):
    with pytest.raises(DataError, match="is damaged in line 3: "):
        cells('a,b\n1,2\n"3,4\n5,6\n')


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encoding_is_recognised(cells, codec):
    text = "path,label\nä.jpg,Füchse\n"
    assert cells(text.encode(codec)) == (["path", "label"], [(2, ["ä.jpg", "Füchse"])])


def test_the_encoding_may_be_given(cells):
    text = "path,label\nä.jpg,é\n".encode("cp1252")
    assert cells(text, "cp1252")[1] == [(2, ["ä.jpg", "é"])]


@pytest.mark.parametrize(
    ("data", "codec"),
    [
        (codecs.BOM_UTF16_BE, "utf-16"),
        ("12345678".encode("utf-16-le"), "utf-16-le"),
        ("12345678".encode("utf-16-be"), "utf-16-be"),
        ("1234567".encode("utf-16-le"), ""),  # too short to tell
        (b"1234567812345678", ""),
        (bytes(16), ""),
        (b"1\0002\0003\0004\0005\0006\0007\0" + b"\0\0", ""),
    ],
)
def test_utf_16_is_recognised_by_its_mark_or_its_zeros(data, codec):
    assert utf16_codec(data) == codec

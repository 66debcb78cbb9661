import pytest

from pawsight.data.sources.column_values import (
    OFF,
    ON,
    holds_only,
    is_missing,
    is_on,
    numbers_of,
    odd_cell,
)


def rows(*cells):
    """Rows of one column, from line 2 on; None is a row that ends before it."""
    return [(line, [] if cell is None else [cell]) for line, cell in enumerate(cells, 2)]


@pytest.mark.parametrize("cell", ["", "NaN", "<NA>", "null", "N/A", "NA"])
def test_what_programs_write_for_nothing_is_missing(cell):
    assert is_missing(cell)


@pytest.mark.parametrize("cell", ["none", "na", "Na", "0"])
def test_what_may_be_a_class_is_not_missing(cell):
    assert not is_missing(cell)


def test_a_class_is_named_by_1_or_true():
    assert all(map(is_on, ("1", "1.0", "TRUE")))
    assert not any(map(is_on, ("0", "", "2", "yes")))


def test_a_column_holds_only_certain_values():
    assert holds_only(rows("1", "True", "", None, "NA"), 0, ON | OFF)
    assert not holds_only(rows("1", "2"), 0, ON | OFF)


@pytest.mark.parametrize(
    ("cells", "odd"),
    [
        (["1", "0", "x"], (4, "x")),
        (["1", "x", "y", "0"], (3, "x")),  # half are 1 or 0
        (["1", "x", "y"], None),  # less than half: no such column
        (["", "", "x"], None),  # empty ones do not count
        (["1", "0", None], None),
    ],
)
def test_the_first_cell_that_is_neither_1_nor_0_is_found(cells, odd):
    assert odd_cell(rows(*cells), 0) == odd


def test_numbers_are_those_of_all_cells_or_none():
    assert numbers_of(rows("2", "1.5", "2", "", "nan", None), 0) == {"1.5": 1.5, "2": 2.0}
    assert numbers_of(rows("2", "x"), 0) == {}

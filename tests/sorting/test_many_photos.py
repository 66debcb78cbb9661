"""A library of many photos: `make test-sort` takes 100,000 of them."""

import os
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from pawsight.workflow import sort, undo_sort

COUNT = int(os.environ.get("PAWSIGHT_SORT_PHOTOS", "600"))
HALF, DIFFERENT, PER_FOLDER = COUNT // 2 + 1, 300, 200
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128))
FOLDERS = ("red", "green", "blue", "unsure")  # what the model answers to each of these colours


@pytest.fixture
def library(tmp_path):
    """Folders of tiny photos; every name is there twice, mostly for another photo."""
    originals = tmp_path / "originals"
    originals.mkdir()
    for number in range(DIFFERENT):
        # The size of each is its own: no two photos have the same bytes.
        image = Image.new("RGB", (8 + number, 8), COLOURS[number % 4])
        image.save(originals / f"{number}.png")
    for number in range(COUNT):
        folder = tmp_path / "home" / f"{number // PER_FOLDER:04}"
        folder.mkdir(parents=True, exist_ok=True)
        name, same = f"IMG {number % HALF:05}.png", number % 10 == 0
        original = (number % HALF if same else number) % DIFFERENT
        os.link(originals / f"{original}.png", folder / name)
    return tmp_path / "home"


def files_in(folder: Path) -> Counter[tuple[str, int]]:
    """How many photos of each size are in each folder."""
    return Counter(
        (Path(here).name, os.stat(f"{here}/{name}").st_size)  # noqa: PTH116 - follows links too
        for here, _, names in os.walk(folder)
        for name in names
        if ".pawsight-sort" not in here
    )


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("how", ["copy", "link", "move"])
def test_many_photos_are_sorted_without_one_lost_or_doubled_and_taken_back(
    library, colour_run, tmp_path, how
):
    before = files_in(library)
    assert before.total() == COUNT
    into = tmp_path / "sorted"
    planned = sort(library, into, colour_run, how, dry_run=True)
    num_same = len(range(-(-HALF // 10) * 10, COUNT, 10))
    assert planned.count("planned") == COUNT - num_same and planned.count("there") == num_same
    assert not into.exists() and files_in(library) == before
    done = sort(library, into, colour_run, how)
    assert done.count("placed") == planned.count("planned") and done.count("failed") == 0
    found = files_in(into)
    assert found.total() == done.count("placed")
    for number in range(min(DIFFERENT, COUNT)):
        size = (library.parent / "originals" / f"{number}.png").stat().st_size
        same = [folder for (folder, its_size), _ in found.items() if its_size == size]
        assert FOLDERS[number % 4] in same
    again = sort(library, into, colour_run, how)
    assert again.count("placed") == 0
    assert files_in(into) == found
    assert undo_sort(into).left == {}
    assert files_in(library) == before
    assert files_in(into).total() == 0

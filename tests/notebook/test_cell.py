"""What a cell shows, told by a display that keeps what it is given."""

import base64
import io
import sys
import types

import pytest
from PIL import Image

from pawsight.notebook import NotebookProgress, live_in_notebooks
from pawsight.progress import Progress, Silent

SILENT = Silent()


class Display:
    """IPython's `display`: keeps each bundle, and which of the places it was shown in."""

    def __init__(self):
        self.shown = []
        self.num_places = 0

    def __call__(self, bundle, raw, display_id, metadata=None):
        assert raw and display_id
        self.num_places += 1
        return Place(self, self.num_places, bundle)

    def texts(self):
        return [bundle["text/plain"] for _, bundle in self.shown if "text/html" in bundle]

    def pictures(self):
        return [bundle["image/png"] for _, bundle in self.shown if "image/png" in bundle]


class Place:
    def __init__(self, display, number, bundle):
        self.display, self.number = display, number
        display.shown.append((number, bundle))

    def update(self, bundle, raw, metadata=None):
        assert raw
        self.display.shown.append((self.number, bundle))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def display():
    return Display()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cell(display, clock):
    return NotebookProgress(display, clock)


def validated(cell, epoch, accuracy):
    cell.advance(10, loss=0.5, accuracy=0.7)
    cell.advance(0, epoch=epoch, validation_loss=0.4, validation_accuracy=accuracy)


def test_stages_and_notes_are_lines_of_one_display(cell, display):
    cell.start("Reading photos", 30, "photos")
    cell.advance(30)
    cell.note("One photo is left out: <b>.jpg")
    cell.start("Writing the report")
    cell.close()
    assert display.num_places == 1
    assert display.texts()[-1].splitlines() == [
        "One photo is left out: <b>.jpg",
        "Reading photos: 30 of 30 photos",
        "Writing the report",
    ]
    assert "&lt;b&gt;.jpg" in display.shown[-1][1]["text/html"]


def test_a_bar_moves_twice_a_second_at_most(cell, display, clock):
    cell.start("Training", 100, "steps")
    for _ in range(20):  # five seconds
        clock.now += 0.25
        cell.advance(1, loss=0.5)
    # The beginning, and every half second.
    assert len(display.shown) == 11
    assert 'value="20" max="100"' in display.shown[-1][1]["text/html"]
    assert display.texts()[-1].startswith("Training: 20 of 100 steps, 20 s left")


def test_lines_of_long_ago_are_folded_away(cell, display):
    for number in range(10):
        cell.note(f"note {number}")
    page = display.shown[-1][1]["text/html"]
    assert "<summary>2 lines before</summary>note 0<br>note 1</details>note 2<br>" in page


def test_each_validation_is_a_point_of_one_picture(cell, display, clock):
    cell.start("Training", 100, "steps")
    validated(cell, 1, 0.8)
    clock.now += 60
    validated(cell, 2, 0.9)
    cell.close()
    assert len(display.pictures()) == 2
    assert display.num_places == 2  # one of text, one of the picture
    with Image.open(io.BytesIO(base64.b64decode(display.pictures()[-1]))) as picture:
        assert picture.size == (1382, 475)


def test_drawing_takes_a_small_share_of_the_time(display, monkeypatch):
    clock = Clock()
    cell = NotebookProgress(display, clock)

    def draw_slowly(courses):
        clock.now += 1  # a second, of which 20 make 5 %
        return draw(courses)

    from pawsight.report import figures

    draw = figures.draw_courses
    monkeypatch.setattr(figures, "draw_courses", draw_slowly)
    cell.start("Training", 100, "steps")
    for epoch in range(1, 5):  # drawn at 0 s; not at 7 s and 14 s; at 21 s
        validated(cell, epoch, 0.8)
        clock.now += 7 if epoch > 1 else 6
    assert len(display.pictures()) == 2


def test_a_value_that_comes_later_begins_later(cell, display):
    cell.start("Training", 100, "steps")
    validated(cell, 1, 0.8)
    cell.advance(0, epoch=2, validation_accuracy=0.9, validation_balanced_accuracy=0.85)
    cell.close()
    assert len(display.pictures()) == 2


@live_in_notebooks
def work(size: int, progress: Progress = SILENT) -> Progress:
    """Something long."""
    progress.start("Working", size, "photos")
    return progress


@pytest.fixture
def ipython(display, monkeypatch):
    """IPython as it is in a kernel; `kernel` may be taken away."""
    shell = types.SimpleNamespace(kernel=object())
    package = types.ModuleType("IPython")
    package.get_ipython = lambda: shell
    package.display = types.ModuleType("IPython.display")
    package.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", package.display)
    monkeypatch.delenv("PAWSIGHT_LIVE", raising=False)
    return shell


def test_in_a_kernel_a_call_shows_itself(ipython, display):
    assert isinstance(work(3), NotebookProgress)
    assert display.texts()[-1] == "Working: 3 photos"


def test_a_caller_that_names_a_progress_is_left_alone(ipython, display):
    mine = Silent()
    assert work(3, mine) is mine
    assert work(3, progress=mine) is mine
    assert not display.shown


def test_the_environment_turns_it_off(ipython, display, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_LIVE", "off")
    assert isinstance(work(3), Silent)
    assert not display.shown


def test_a_terminal_stays_silent(ipython, display):
    ipython.kernel = None
    assert isinstance(work(3), Silent)
    assert not display.shown


def test_without_ipython_it_stays_silent(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert isinstance(work(3), Silent)
    assert "IPython" not in sys.modules


def test_the_last_state_is_shown_when_a_call_fails(ipython, display):
    @live_in_notebooks
    def fail(progress: Progress = SILENT) -> None:
        progress.start("Working", 3, "photos")
        progress.advance(1)
        raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert display.texts()[-1].startswith("Working: 1 of 3 photos")


def test_a_stage_that_has_not_begun_shows_what_is_to_be_done(cell, display):
    cell.start("Reading photos", 30, "photos")
    assert display.texts()[-1] == "Reading photos: 30 photos"

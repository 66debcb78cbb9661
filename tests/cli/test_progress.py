"""Progress as plain lines and as bars, both told the same news."""

import io

import pytest
from rich.console import Console

from pawsight.cli import progress
from pawsight.cli.progress import LineProgress
from pawsight.cli.progress_bars import BarProgress
from pawsight.formatting import duration
from pawsight.progress_text import count_text, facts_text


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when told: clock.now += 1."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_lines_report_beginning_and_end_of_each_stage(clock, capsys):
    lines = LineProgress()
    lines.start("Reading photos", 30, "photos")
    for _ in range(3):
        lines.advance(10)
    lines.start("Writing the report")
    lines.close()
    assert capsys.readouterr().err.splitlines() == [
        "Reading photos: 30 photos",
        "Reading photos: 30 of 30 photos",
        "Writing the report",
    ]


def test_lines_report_every_ten_seconds_with_rate_and_time_left(clock, capsys):
    lines = LineProgress()
    lines.start("Reading photos", 100, "photos")
    for _ in range(25):
        lines.advance(1)
        clock.now += 1
    # Told at second 10 and 20; the pace is counted from the first photo on.
    assert capsys.readouterr().err.splitlines()[1:] == [
        "Reading photos: 11 of 100 photos, 1 min 29 s left, 1.0 photos/s",
        "Reading photos: 21 of 100 photos, 1 min 19 s left, 1.0 photos/s",
    ]


def test_steps_of_an_earlier_run_do_not_count_for_the_pace(clock, capsys):
    lines = LineProgress()
    lines.start("Training", 1000, "steps")
    lines.advance(900)
    clock.now += 10
    lines.advance(10)
    assert "900 of" not in capsys.readouterr().err.splitlines()[-1]
    clock.now += 10
    lines.advance(10)
    assert capsys.readouterr().err == "Training: 920 of 1,000 steps, 1 min 20 s left, 1.0 steps/s\n"


def test_note_is_a_line_of_its_own(capsys):
    LineProgress().note("One photo is left out: [bold]a.jpg")
    assert capsys.readouterr().err == "One photo is left out: [bold]a.jpg\n"


def test_off_a_terminal_progress_is_lines_on_standard_error(capsys):
    with progress.shown() as shown:
        shown.start("Reading photos")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Reading photos\n")


@pytest.mark.parametrize("is_coloured", [True, False])
def test_bars_show_stages_facts_and_notes(is_coloured):
    screen = io.StringIO()
    console = Console(
        file=screen,
        force_terminal=True,
        width=100,
        no_color=not is_coloured,
        color_system="standard",
    )
    bars = BarProgress(console)
    bars.start("Listing photos", None, "photos")
    bars.advance(7)
    bars.note("One photo is left out: [bold]a.jpg")
    bars.start("Training", 300, "steps")
    bars.advance(100, epoch=2, loss=0.3124)
    bars.advance(20)
    bars.close()
    shown = screen.getvalue()
    last = shown[shown.rindex("Listing photos") :]
    assert "7 photos" in last
    assert "120 of 300 steps" in last
    assert "epoch 2, loss 0.312" in last
    assert "One photo is left out: [bold]a.jpg\n" in shown
    assert ("\x1b[36m" in shown) == is_coloured


def test_bars_that_never_began_close():
    screen = io.StringIO()
    BarProgress(Console(file=screen)).close()
    assert screen.getvalue() == ""


def test_facts_are_written_for_people():
    facts = {"epoch": 3, "images_per_second": 329.4, "loss": 0.31234, "validation_accuracy": 0.8712}
    assert facts_text(facts) == "epoch 3, 329 images/s, loss 0.312, validation accuracy 87.1 %"
    assert facts_text({"rate": 83.8}, "photos") == "84 photos/s"
    assert facts_text({"file": "a.jpg"}) == "file a.jpg"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ((1200, 3000, "steps"), "1,200 of 3,000 steps"),
        ((7, None, "photos"), "7 photos"),
        ((2.345, None, "photos"), "2.3 photos"),
        ((1_500_000, 25_000_000, "bytes"), "1.5 of 25.0 MB"),
        ((5, None, ""), "5"),
    ],
)
def test_amount_is_written_for_people(amount, text):
    assert count_text(*amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_duration_is_written_for_people(seconds, text):
    assert duration(seconds) == text

from pawsight.progress import Silent
from pawsight.workflow import first_look
from pawsight.workflow.first_look import FirstLook


def test_reading_photos_for_the_first_time_is_not_charged_to_the_budget(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(first_look.time, "monotonic", lambda: now[0])
    look = FirstLook(Silent(), started=90.0)

    def spend(seconds, task=None):
        if task is not None:
            look.start(task)
        now[0] += seconds

    spend(2.0, "Looking for photos")  # in every run
    spend(30.0, "Reading photos")
    spend(5.0, "Looking for copies")
    assert look.charged_since() == 90.0 + 35.0
    spend(7.0)
    assert look.charged_since() == 90.0 + 35.0


def test_photos_that_are_known_already_are_charged_from_the_start(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(first_look.time, "monotonic", lambda: now[0])
    look = FirstLook(Silent(), started=90.0)
    look.start("Looking for photos")
    now[0] += 3.0
    assert look.charged_since() == 90.0

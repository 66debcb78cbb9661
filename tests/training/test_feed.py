from types import SimpleNamespace

import pytest

from pawsight.training.feed import Feed


@pytest.fixture
def feed(plan_of):
    """A feed that was asked for 1,000 photos, which took 0.06 s each to read of 8 s in all."""
    pixels = SimpleNamespace(read_seconds=6.0, num_read=1000, batches_at_once=2)
    made = Feed(pixels, None, plan_of)
    made.num_images = 1000
    return made


def test_a_run_that_hardly_waits_is_limited_by_nothing(feed):
    feed.waited_seconds = 0.3
    assert feed.limit(8.0) is None


def test_a_run_that_waits_for_photos_reports_at_what_speed_they_come(feed):
    feed.waited_seconds = 2.0
    assert feed.limit(8.0) == "reading photos, 125 images/s"  # 1,000 in 8 s


def test_where_reading_is_quick_it_is_changing_them_that_limits(feed):
    feed.waited_seconds = 2.0
    feed.pixels.read_seconds = 1.0
    assert feed.limit(8.0) == "augmenting photos, 125 images/s"


def test_a_run_of_one_step_has_nothing_to_report(feed):
    feed.num_images, feed.waited_seconds = 0, 0.0
    assert feed.limit(0.0) is None


def test_steps_that_are_decided_are_those_whose_batches_may_be_made(feed):
    # Two ready, two in the making, and two to be safe.
    assert feed.num_ahead == 6


@pytest.mark.parametrize(
    ("waited", "read_seconds", "seconds", "found"),
    [
        (0.4, 6.0, 8.0, None),  # a twentieth of the time is not worth a word
        (0.41, 6.0, 8.0, "reading photos, 125 images/s"),
        (2.0, 4.0, 8.0, "augmenting photos, 125 images/s"),  # half of the 8 s for reading
        (2.0, 4.01, 8.0, "reading photos, 125 images/s"),
        (10.0, 6.0, 8.0, "reading photos, 100 images/s"),  # the first batch was waited for, too
    ],
)
def test_the_longer_of_reading_and_augmenting_is_the_limit(
    feed, waited, read_seconds, seconds, found
):
    feed.waited_seconds, feed.pixels.read_seconds = waited, read_seconds
    assert feed.limit(seconds) == found


def test_photos_from_the_cache_are_limited_by_augmenting(feed):
    feed.waited_seconds = 2.0
    feed.pixels.read_seconds, feed.pixels.num_read = 0.0, 0
    assert feed.limit(8.0) == "augmenting photos, 125 images/s"

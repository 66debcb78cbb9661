from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.pipeline.batch_part import WHOLE
from pawsight.training.feed import Feed
from pawsight.training.photos import MonitoredPixels, Subset
from pawsight.training.plan import Stage

from .squares import Squares


@pytest.fixture
def feed(plan_of):
    """A feed that was asked for 1,000 photos, which took 0.06 s each to read of 8 s in all."""
    pixels = SimpleNamespace(read_seconds=6.0, num_read=1000, batches_at_once=2)
    made = Feed(pixels, None, plan_of, False, WHOLE)
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


@pytest.mark.parametrize("on_device", [False, True])
def test_batches_have_the_size_of_their_stage_and_all_but_the_first_are_waited_for(
    plan_of, on_device
):
    # Ten steps; the plan goes on at step 3, and the photos grow after half of it.
    stages = (Stage(until=0.5, image_size=(16, 12)), Stage(until=1.0, image_size=(24, 24)))
    plan = plan_of(10, num_train=40, batch_size=8, stages=stages, image_size=(24, 24), seconds=9.0)
    photos = Squares(40)
    portion = Subset(np.arange(40), photos.labels)
    feed = Feed(MonitoredPixels(photos), portion, lambda: plan, on_device, WHOLE)
    assert (feed.num_images, feed.waited_seconds) == (0, 0.0)
    batches = feed.batches(3)
    found = [next(batches) for _ in range(9)]  # two more than planned: the end may move
    batches.close()
    assert [images.shape[:3] for images, _ in found] == [(8, 16, 12)] * 2 + [(8, 24, 24)] * 7
    for images, labels in found:
        dark = labels.numpy() == 0
        means = images.numpy().mean(axis=(1, 2, 3))
        assert means[dark].max(initial=0) < means[~dark].min(initial=255)
    assert feed.num_images == 8 * 8
    assert 0 < feed.waited_seconds < 600

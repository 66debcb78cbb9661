"""One classifier in many threads and processes at once."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from math import exp

import pytest

import pawsight

SURE = exp(4) / (exp(4) + 2)  # of a photo in one colour, by the model of the fixture
COLOURS = ("red", "green", "blue")


@pytest.fixture
def classifier(colour_run):
    return pawsight.load(colour_run.path)


@pytest.fixture
def photos(save_photo):
    return [save_photo(f"{number}.png", COLOURS[number % 3]) for number in range(12)]


def is_right(found):
    assert [one.label for one in found] == list(COLOURS) * 4
    assert [one.probability for one in found] == pytest.approx([SURE] * 12)
    return True


def test_threads_may_predict_with_one_classifier_at_once(classifier, photos):
    forms = [photos, [path.read_bytes() for path in photos], list(map(str, photos))] * 4
    with ThreadPoolExecutor(8) as pool:
        assert all(map(is_right, pool.map(classifier.predict, forms)))


@pytest.mark.slow
def test_processes_predict_with_a_classifier_that_was_sent_to_them(classifier, photos):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert all(map(is_right, pool.map(classifier.predict, [photos] * 4)))


def test_built_in_model_needs_no_run(photos):
    found = pawsight.load().predict(photos[0])
    assert list(found[0].probabilities) == ["cats", "dogs"]


def test_classifiers_are_distinguished_by_what_they_answer(make_colour_run):
    first, same, other = (
        pawsight.load(make_colour_run(name, temperature=temperature).path).fingerprint
        for name, temperature in (("a", 1.0), ("b", 1.0), ("c", 2.0))
    )
    assert first == same != other


def test_mirrored_look_of_many_images_is_averaged_in(classifier, plain_pixels):
    pixels = plain_pixels((255, 0, 0), count=9)
    assert classifier.probs(pixels, tta=True) == pytest.approx(classifier.probs(pixels))
    pixels[:, :4] = 0
    assert classifier.probs(pixels, tta=True).shape == (9, 3)

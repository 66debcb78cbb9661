import numpy as np
import pytest
from PIL import Image, ImageDraw

from pawsight.data.auditing import outliers
from pawsight.data.auditing.outliers import find_outliers
from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import analyse, describe
from pawsight.records import Photo

SIZE = (128, 128)


class Memory:
    """Photos in memory."""

    def __init__(self, images):
        self.images = np.stack(images)

    def analysis(self, indices):
        return analyse(self.images[indices])


def photographed(seed):
    """Soft shapes with grain, as in a photo."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 220, (8, 8, 3), np.uint8))
    smooth = np.asarray(coarse.resize(SIZE, Image.Resampling.BICUBIC), np.float32)
    grain = rng.normal(0, 4, smooth.shape)
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


class Figures:
    """Photos of which only the figures are known."""

    def __init__(self, figures):
        self.figures = figures

    def analysis(self, indices):
        return {"figures": self.figures[indices]}


def drawn():
    """Black lines on white, as in a logo."""
    image = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 20, 100, 100), outline="black", width=4)
    pen.line((10, 110, 118, 110), fill="black", width=6)
    return np.asarray(image)


def found_in(images, labels=None):
    labels = labels or ["cats"] * len(images)
    photos = tuple(Photo(f"{i}.jpg", label) for i, label in enumerate(labels))
    return find_outliers(Catalog("pets", "", photos), Memory(images))


def test_a_drawing_among_photos_is_unlike_them():
    images = [photographed(seed) for seed in range(60)]
    images[17] = drawn()
    (found,) = found_in(images)
    assert found.index == 17
    assert found.score > 7


@pytest.mark.parametrize(("num_copies", "found"), [(3, [36, 37, 38]), (4, [])])
def test_in_a_class_of_under_forty_the_third_nearest_neighbour_counts(num_copies, found):
    images = [photographed(seed) for seed in range(39 - num_copies)]
    images += [drawn()] * num_copies
    assert sorted(one.index for one in found_in(images)) == found


def test_a_blank_picture_among_photos_is_unlike_them():
    images = [photographed(seed) for seed in range(60)]
    images[5] = np.full((*SIZE, 3), 255, np.uint8)
    assert [one.index for one in found_in(images)] == [5]


def test_several_copies_of_one_drawing_do_not_vouch_for_each_other():
    images = [photographed(seed) for seed in range(120)]
    for place in (3, 40, 80, 110):
        images[place] = drawn()
    assert sorted(one.index for one in found_in(images)) == [3, 40, 80, 110]


def test_photos_are_not_unlike_photos():
    assert found_in([photographed(seed) for seed in range(100)]) == []


def test_a_drawing_in_a_class_of_drawings_is_usual():
    rng = np.random.default_rng(0)
    drawings = [np.roll(drawn(), tuple(rng.integers(-9, 9, 2)), (0, 1)) for _ in range(60)]
    photos = [photographed(seed) for seed in range(60)]
    assert found_in(drawings + photos, ["logos"] * 60 + ["cats"] * 60) == []


def test_a_class_of_few_photos_is_not_judged():
    images = [photographed(seed) for seed in range(28)]
    assert found_in([drawn(), *images]) == []


def test_the_most_unlike_comes_first():
    images = [photographed(seed) for seed in range(100)]
    images[10] = drawn()
    images[20] = (0.6 * drawn() + 0.4 * photographed(1)).astype(np.uint8)
    found = found_in(images)
    assert found[0].index == 10
    assert [one.score for one in found] == sorted((r.score for r in found), reverse=True)


@pytest.mark.parametrize("size", [(16, 16), (64, 90), (130, 128), (300, 200)])
def test_figures_of_simple_pictures_are_known(size):
    height, width = size
    black = np.zeros((height, width, 3), np.uint8)
    grey = np.full((height, width, 3), 128, np.uint8)
    # Even (black says nothing), gentle, hard, entropy, share of the commonest shades.
    assert describe(np.stack([black, grey])).tolist() == [[0, 0, 0, 0, 1], [1, 0, 0, 0, 1]]


def test_a_chequerboard_of_pixels_is_all_hard_edges():
    board = (np.indices(SIZE).sum(0) % 2 * 255).astype(np.uint8)
    even, gentle, hard, entropy, commonest = describe(np.stack([board] * 3, -1)[None])[0]
    assert (even, gentle, hard) == (0, 0, 1)
    assert 0 <= entropy <= 1
    assert commonest == 1


def naive_scores(figures):
    """The score of each photo of a class, pair by pair, and the figure farthest from usual."""
    low, middle, high = np.quantile(figures, [0.16, 0.5, 0.84], axis=0)
    placed = (figures - middle) / np.maximum((high - low) / 2, [0.05, 0.05, 0.02, 0.3, 0.03])
    rank = min(10, max(3, len(placed) // 10))
    distances = [np.sort(np.sqrt(((placed - one) ** 2).sum(1)))[rank] for one in placed]
    return np.array(distances) / max(np.median(distances), 0.1), np.abs(placed).argmax(1), placed


@pytest.mark.parametrize("size", [30, 31, 70, 150])
def test_scores_are_distances_to_a_near_neighbour_by_what_is_usual(size, monkeypatch):
    monkeypatch.setattr(outliers, "_AT_ONCE", 64)
    rng = np.random.default_rng(size)
    figures = rng.normal(0.5, [0.1, 0.01, 0.1, 0.2, 0.05], (2 * size, 5)).astype(np.float32)
    # One photo of each class has far more, or far less, of one figure.
    for place in range(5):
        figures[place, place] += 3
        figures[size + place, place] -= 3
    photos = tuple(Photo(f"{i}.jpg", "cats" if i < size else "dogs") for i in range(2 * size))
    catalog = Catalog("pets", "", (*photos, *(Photo(f"x{i}", "few") for i in range(29))))
    few = np.zeros((29, 5), np.float32)
    few[0] = 9
    found = find_outliers(catalog, Figures(np.concatenate([figures, few])))
    expected = {}
    for start, words in ((0, outliers._MORE), (size, outliers._LESS)):
        scores, farthest, _ = naive_scores(figures[start : start + size])
        for i in np.flatnonzero(scores > 7):
            expected[start + int(i)] = (scores[i], words[farthest[i]])
    assert len(expected) >= 5
    assert {one.index: one.reason for one in found} == {i: w for i, (_, w) in expected.items()}
    assert [one.score for one in found] == pytest.approx(
        sorted((score for score, _ in expected.values()), reverse=True), abs=0.02
    )
    assert [one.index for one in found] == sorted(expected, key=lambda i: -expected[i][0])


def test_a_tiny_spread_is_no_measure():
    # All alike but one, by half of the least spread of the first figure: not worth a word.
    figures = np.full((40, 5), 0.5, np.float32)
    figures[7, 0] += 0.025
    catalog = Catalog("pets", "", tuple(Photo(f"{i}.jpg", "cats") for i in range(40)))
    assert find_outliers(catalog, Figures(figures)) == []
    # Twice that spread, where the usual distance counts as a tenth: a score of 20.
    figures[7, 0] = 0.6
    (found,) = find_outliers(catalog, Figures(figures))
    assert (found.index, found.score) == (7, 20)
    assert found.reason == "large perfectly even areas"

import numpy as np
import pytest

from pawsight.data.decoding.traces import BANDS, CORNERS, trace


def noise():
    random = np.random.default_rng(0)
    return random.integers(0, 50, (1, 160, 160, 3), np.uint8)


@pytest.mark.parametrize(
    ("side", "part"),
    [
        (0, np.s_[:, :8]),
        (1, np.s_[:, -8:]),
        (2, np.s_[:, :, :8]),
        (3, np.s_[:, :, -8:]),
    ],
)
def test_the_border_of_each_side_is_measured(side, part):
    images = noise()
    images[part] = 255
    depths = trace(images)["borders"][0]
    assert depths[side] == pytest.approx(8 / 160)
    assert depths.sum() == depths[side]


def test_a_picture_of_one_colour_is_border_up_to_the_limit():
    depths = trace(np.full((1, 160, 160, 3), 9, np.uint8))["borders"][0]
    assert depths.tolist() == pytest.approx([0.1] * 4)


@pytest.mark.parametrize(
    ("corner", "rows", "columns"),
    [
        (0, np.s_[:19], np.s_[:64]),  # 0.12 and 0.4 of 160
        (1, np.s_[:19], np.s_[-64:]),
        (2, np.s_[-19:], np.s_[:64]),
        (3, np.s_[-19:], np.s_[-64:]),
    ],
)
def test_hard_edges_count_in_their_own_corner(corner, rows, columns):
    images = np.zeros((1, 160, 160, 3), np.uint8)
    images[0, rows, columns][:, ::2] = 200  # stripes: every neighbour differs
    shares = trace(images)["corners"][0]
    assert len(shares) == len(CORNERS)
    assert shares[corner] == 1
    assert shares.sum() == 1


@pytest.mark.parametrize(("cycles", "band"), [(6, 0), (20, 2), (40, 4), (72, 6)])
def test_a_wave_is_in_its_band(cycles, band):
    wave = 120 + 60 * np.sin(2 * np.pi * cycles * np.arange(160) / 160)
    images = np.tile(wave[:, None].astype(np.uint8), (1, 160, 1, 3))
    power = trace(images)["spectrum"][0]
    assert len(power) == len(BANDS)
    assert power.argmax() == band
    assert power[band] > 50 * np.delete(power, band).max()


def test_pictures_are_measured_alike_alone_and_together():
    both = np.concatenate([noise(), noise()[:, ::-1]])
    together = trace(both)
    for place in range(2):
        alone = trace(both[place : place + 1])[0]
        for name in together.dtype.names:
            assert together[place][name] == pytest.approx(alone[name], rel=1e-5)

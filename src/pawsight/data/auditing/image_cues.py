"""Cues in the image: border, marks in a corner, colour cast, brightness, blur and noise.

Classes may differ by nature in brightness, colour and detail. So these are measured where
the object matters least: the lightest and the darkest places, one corner against its
mirror image.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pawsight.data.auditing.cue import Column, CueInput
from pawsight.data.decoding import traces

_MIN_EDGES = 0.004  # share of hard edges below which corners count as equally empty
_MIN_POWER = 1e-3  # of a band: below, there is nothing but rounding


def border(cue_input: CueInput) -> Iterable[Column]:
    """Compare the depth of an even border on each side."""
    depths = cue_input.traces("borders")
    for place, side in enumerate(traces.SIDES):
        words = (f"bordered at the {side}", f"not bordered at the {side}")
        yield Column(depths[:, place].astype(np.float64), *words)


def corner_mark(cue_input: CueInput) -> Iterable[Column]:
    """Compare each corner with its mirror image: what photos show is as often left as right."""
    shares = cue_input.traces("corners")
    top_left, top_right, bottom_left, bottom_right = np.log(shares.T + _MIN_EDGES)
    for end, left, right in (
        ("top", top_left, top_right),
        ("bottom", bottom_left, bottom_right),
    ):
        yield Column(
            np.where(np.abs(right - left) < np.log(2), 0.0, right - left).astype(np.float64),
            f"with hard edges, such as of letters, in the {end} right corner",
            f"with hard edges, such as of letters, in the {end} left corner",
        )


def colour_cast(cue_input: CueInput) -> Iterable[Column]:
    """Compare the colour of the lightest and the darkest places: white and black in most photos."""
    dark, light = cue_input.darkest_and_lightest
    for place, ends in (("lightest", light), ("darkest", dark)):
        red, green, blue = ends.T
        yield Column(red - blue, f"reddish in their {place} places", f"bluish in their {place}")
        words = (f"greenish in their {place} places", f"purplish in their {place}")
        yield Column(green - (red + blue) / 2, *words)


def brightness(cue_input: CueInput) -> Iterable[Column]:
    """Compare the level of the lightest and the darkest places."""
    dark, light = (ends.mean(axis=1) for ends in cue_input.darkest_and_lightest)
    level = "{:.0f}".format
    yield Column(light, "lighter, up to {} of 255", "darker, up to {} of 255", level)
    yield Column(dark, "pale, from {} of 255 on", "dark from {} of 255 on", level)


def fine_detail(cue_input: CueInput) -> Iterable[Column]:
    """Compare the power of the finest detail with that of coarser detail."""
    spectrum = cue_input.traces("spectrum").astype(np.float64)
    power = np.log(np.maximum(spectrum, _MIN_POWER))
    yield Column(power[:, -1] - power[:, -3], "with much fine detail or noise", "blurred")
    yield Column(power[:, -3] - power[:, 1], "with much detail", "soft")

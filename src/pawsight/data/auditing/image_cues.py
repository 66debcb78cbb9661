"""Measure cues in the image: border, marks in a corner, colour cast, brightness, blur, noise.

The objects of the classes may differ in brightness, colour and detail. So cues are
measured where the object matters least: in the lightest and the darkest places, and by
comparing a corner with the opposite one.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pawsight.data.auditing.cue import Column, CueInput
from pawsight.data.decoding import traces

_MIN_EDGES = 0.004  # share of hard edges; corners with fewer count as equally empty
_MIN_POWER = 1e-3  # of a band; lower values are rounding errors


def border(cue_input: CueInput) -> Iterable[Column]:
    """Yield the depth of a uniform border on each side."""
    for depths, side in zip(cue_input.traces("borders").T, traces.SIDES, strict=True):
        words = (f"bordered at the {side}", f"not bordered at the {side}")
        yield Column(depths.astype(np.float64), *words)


def corner_mark(cue_input: CueInput) -> Iterable[Column]:
    """Yield by how much the edges in right corners exceed those in left corners.

    Objects are as often at the left as at the right, so a difference is due to marks.
    """
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
    """Yield the colour of the lightest and darkest places, which are grey in most photos."""
    dark, light = cue_input.darkest_and_lightest
    for place, colours in (("lightest", light), ("darkest", dark)):
        red, green, blue = colours.T
        yield Column(red - blue, f"reddish in their {place} places", f"bluish in their {place}")
        words = (f"greenish in their {place} places", f"purplish in their {place}")
        yield Column(green - (red + blue) / 2, *words)


def brightness(cue_input: CueInput) -> Iterable[Column]:
    """Yield the brightness of the lightest and the darkest places."""
    dark, light = (ends.mean(axis=1) for ends in cue_input.darkest_and_lightest)
    level = "{:.0f}".format
    yield Column(light, "lighter, up to {} of 255", "darker, up to {} of 255", level)
    yield Column(dark, "pale, from {} of 255 on", "dark from {} of 255 on", level)


def fine_detail(cue_input: CueInput) -> Iterable[Column]:
    """Yield the power of the finest detail relative to coarser detail, and of that to the rest."""
    spectrum = cue_input.traces("spectrum").astype(np.float64)
    power = np.log(np.maximum(spectrum, _MIN_POWER))
    yield Column(power[:, -1] - power[:, -3], "with much fine detail or noise", "blurred")
    yield Column(power[:, -3] - power[:, 1], "with much detail", "soft")

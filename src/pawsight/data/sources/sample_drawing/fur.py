"""Draw what cats and dogs have in common: fur with colours and patterns, a body, a head.

Both classes draw from the same distribution, so that colours do not separate them.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pawsight.data.sources.sample_drawing.pen import Colour, Pen, Point, mix

BLACK, WHITE = (24, 20, 22), (250, 248, 244)
_FURS: tuple[Colour, ...] = (
    (226, 140, 62),  # ginger
    (134, 134, 140),  # grey
    (52, 48, 50),  # black
    (240, 234, 224),  # white
    (222, 196, 154),  # cream
    (126, 84, 54),  # brown
    (190, 148, 100),  # tan
    (96, 62, 46),  # chocolate
    (150, 160, 176),  # blue grey
    (176, 96, 52),  # red
)
_PATTERNS = ("plain", "plain", "stripes", "patch", "blaze", "mask", "spots")


@dataclass(frozen=True, slots=True)
class Coat:
    """The fur of one animal."""

    base: Colour
    dark: Colour
    light: Colour
    second: Colour
    pattern: str
    line: Colour
    line_width: float

    @classmethod
    def choose(cls, random: Random) -> Coat:
        """Return a random coat, from the same distribution for cats and dogs."""
        base, second = random.sample(_FURS, 2)
        base = _vary(base, random, 14)
        return cls(
            base=base,
            dark=mix(base, BLACK, random.uniform(0.25, 0.45)),
            light=mix(base, WHITE, random.uniform(0.35, 0.85)),
            second=_vary(second, random, 14),
            pattern=random.choice(_PATTERNS),
            line=mix(base, BLACK, random.uniform(0.5, 0.8)),
            line_width=random.choice((0.0, 0.025, 0.04)),
        )


@dataclass(frozen=True, slots=True)
class Pose:
    """The direction of a head: the shift of its features as a share of the radius."""

    side: float  # about -0.2 (left) .. 0.2 (right)
    nod: float  # about -0.1 (up) .. 0.1 (down)

    @classmethod
    def choose(cls, random: Random) -> Pose:
        """Return a random pose that roughly faces the camera."""
        return cls(random.gauss(0, 0.09), random.gauss(0, 0.05))


def draw_body(pen: Pen, random: Random, coat: Coat) -> None:
    """Draw a chest below the head, sometimes with a collar."""
    lean = random.gauss(0, 0.25)
    width = random.uniform(0.75, 1.15)
    if coat.line_width:
        pen.blob(lean, 2.0, width + coat.line_width, 1.5 + coat.line_width, coat.line)
    pen.blob(lean, 2.0, width, 1.5, mix(coat.base, coat.dark, 0.35))
    if random.random() < 0.4:
        pen.blob(lean * 0.7, 1.7, width * 0.5, 0.8, coat.light)
    if random.random() < 0.3:
        collar = random.choice(((196, 40, 48), (42, 92, 180), (46, 140, 84), (238, 190, 60)))
        pen.shape(
            [(-0.62, 0.82), (0, 1.0), (0.62, 0.82), (0.6, 1.02), (0, 1.2), (-0.6, 1.02)], collar
        )


def draw_head(pen: Pen, coat: Coat, half: list[Point]) -> None:
    """Draw a symmetric head.

    Args:
        pen: Draws.
        coat: The colours.
        half: The right half of the outline, from the top of the head down.
    """
    outline = half + [(-x, y) for x, y in reversed(half[1:])]
    if coat.line_width:
        grown = 1 + coat.line_width
        pen.shape([(x * grown, y * grown) for x, y in outline], coat.line)
    pen.shape(outline, coat.base)
    pen.blob(0.0, -0.42, 0.52, 0.3, (*mix(coat.base, WHITE, 0.5), 46))


def draw_pattern(pen: Pen, random: Random, coat: Coat, pose: Pose) -> None:
    """Draw the stripes, patches or spots of a face."""
    x = pose.side
    if coat.pattern == "stripes":
        for middle, length in ((-0.26, 0.26), (0.0, 0.36), (0.26, 0.26)):
            top = (middle * 0.8, -0.76)
            pen.line([top, (middle + x, -0.76 + length)], coat.dark, 0.09)
        for side in (-1, 1):
            for down in (0.12, 0.32):
                pen.line([(side * 0.8, down), (side * 0.56, down + 0.06)], coat.dark, 0.08)
    elif coat.pattern == "patch":
        side = random.choice((-1, 1))
        tilt = side * random.uniform(-0.6, 0.6)
        pen.blob(side * 0.4 + x, -0.2, 0.32, 0.42, coat.second, tilt)
        if random.random() < 0.5:
            pen.blob(-side * 0.3, -0.6, 0.26, 0.18, coat.second, -tilt)
    elif coat.pattern == "blaze":
        pen.shape(
            [
                (x - 0.1, -0.78),
                (x + 0.1, -0.78),
                (x + 0.16, 0.0),
                (x + 0.42, 0.5),
                (x, 0.86),
                (x - 0.42, 0.5),
                (x - 0.16, 0.0),
            ],
            coat.light,
        )
    elif coat.pattern == "mask":
        pen.blob(x, 0.28, 0.62, 0.52, coat.second)
    elif coat.pattern == "spots":
        for _ in range(random.randint(5, 9)):
            spot = random.uniform(0.05, 0.13)
            pen.blob(
                random.uniform(-0.62, 0.62), random.uniform(-0.66, 0.6), spot, spot, coat.second
            )


def _vary(colour: Colour, random: Random, amount: int) -> Colour:
    red, green, blue = (
        min(255, max(0, value + random.randint(-amount, amount))) for value in colour
    )
    return red, green, blue

"""Draw smooth shapes in the coordinates of a face instead of those of a picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from PIL import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

_CIRCLE = [(math.cos(turn * math.tau / 28), math.sin(turn * math.tau / 28)) for turn in range(28)]


class Pen:
    """Draws on a picture through a turn, a size and a place.

    In the pen's own coordinates the face is at (0, 0) and about 1 in radius; x
    goes right and y down. Fills may have a fourth number, the opacity 0..255.
    """

    def __init__(
        self,
        canvas: ImageDraw.ImageDraw,
        centre: Point,
        radius: float,
        angle: float,
        stretch: float = 1.0,
    ) -> None:
        """Set the coordinates of the picture.

        Args:
            canvas: The picture to draw on.
            centre: Where (0, 0) is, in pixels.
            radius: How long 1 is, in pixels.
            angle: The turn, in radians, clockwise.
            stretch: Width over height of what is drawn.
        """
        self._canvas = canvas
        self._x, self._y = centre
        self._radius = radius
        cos, sin = math.cos(angle) * radius, math.sin(angle) * radius
        self._across = (cos * stretch, sin * stretch)
        self._down = (-sin, cos)

    def shape(self, points: Sequence[Point], fill: tuple[int, ...], rounds: int = 2) -> None:
        """Fill a closed shape, its corners cut `rounds` times: 0 leaves them sharp."""
        for _ in range(rounds):
            points = _cut_corners((*points, points[0]))
        self._canvas.polygon(self._place(points), fill=fill)

    def blob(
        self, x: float, y: float, rx: float, ry: float, fill: tuple[int, ...], tilt: float = 0.0
    ) -> None:
        """Fill an ellipse around (x, y), turned by `tilt` radians."""
        cos, sin = math.cos(tilt), math.sin(tilt)
        points = [
            (x + rx * across * cos - ry * down * sin, y + rx * across * sin + ry * down * cos)
            for across, down in _CIRCLE
        ]
        self._canvas.polygon(self._place(points), fill=fill)

    def line(self, points: Sequence[Point], fill: tuple[int, ...], width: float) -> None:
        """Draw a line through its ends, bent softly in between; `width` is in the pen's units."""
        if len(points) > 2:
            points = [points[0], *_cut_corners(_cut_corners(points)), points[-1]]
        pixels = max(1, round(width * self._radius))
        self._canvas.line(self._place(points), fill=fill, width=pixels, joint="curve")

    def _place(self, points: Iterable[Point]) -> list[Point]:
        (ax, ay), (dx, dy) = self._across, self._down
        return [(self._x + x * ax + y * dx, self._y + x * ay + y * dy) for x, y in points]


def _cut_corners(points: Sequence[Point]) -> list[Point]:
    """Put two points onto each stretch instead of its ends. Source: Chaikin, 1974."""
    return [
        (a[0] * near + b[0] * (1 - near), a[1] * near + b[1] * (1 - near))
        for a, b in pairwise(points)
        for near in (0.75, 0.25)
    ]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours; `share` 0 gives the first and 1 the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue

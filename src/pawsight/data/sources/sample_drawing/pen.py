"""Draw smooth shapes in the coordinate system of a face."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from PIL import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

_CIRCLE = [(math.cos(turn * math.tau / 28), math.sin(turn * math.tau / 28)) for turn in range(28)]


class Pen:
    """Draws on a picture in rotated, scaled and translated coordinates.

    In these coordinates the face is at (0, 0) with a radius of about 1; x points right
    and y down. Fills may have a fourth number, the opacity 0..255.

    Args:
        canvas: The picture to draw on.
        centre: The position of (0, 0), in pixels.
        radius: The length of 1, in pixels.
        angle: The rotation, in radians, clockwise.
        stretch: The factor by which x is stretched.
    """

    def __init__(
        self,
        canvas: ImageDraw.ImageDraw,
        centre: Point,
        radius: float,
        angle: float,
        stretch: float = 1.0,
    ) -> None:
        self._canvas = canvas
        self._x, self._y = centre
        self._radius = radius
        cos, sin = math.cos(angle) * radius, math.sin(angle) * radius
        self._across = (cos * stretch, sin * stretch)
        self._down = (-sin, cos)

    def shape(self, points: Sequence[Point], fill: tuple[int, ...], rounds: int = 2) -> None:
        """Fill a polygon whose corners are cut `rounds` times; with 0 they stay sharp."""
        for _ in range(rounds):
            points = _cut_corners((*points, points[0]))
        self._canvas.polygon(self._to_pixels(points), fill=fill)

    def blob(
        self, x: float, y: float, rx: float, ry: float, fill: tuple[int, ...], tilt: float = 0.0
    ) -> None:
        """Fill an ellipse around (x, y) with radii `rx` and `ry`, rotated by `tilt` radians."""
        cos, sin = math.cos(tilt), math.sin(tilt)
        points = [
            (x + rx * across * cos - ry * down * sin, y + rx * across * sin + ry * down * cos)
            for across, down in _CIRCLE
        ]
        self._canvas.polygon(self._to_pixels(points), fill=fill)

    def line(self, points: Sequence[Point], fill: tuple[int, ...], width: float) -> None:
        """Draw a smooth line; only its ends are exact. `width` is in the units of `points`."""
        if len(points) > 2:
            points = [points[0], *_cut_corners(_cut_corners(points)), points[-1]]
        pixels = max(1, round(width * self._radius))
        self._canvas.line(self._to_pixels(points), fill=fill, width=pixels, joint="curve")

    def _to_pixels(self, points: Iterable[Point]) -> list[Point]:
        (ax, ay), (dx, dy) = self._across, self._down
        return [(self._x + x * ax + y * dx, self._y + x * ay + y * dy) for x, y in points]


def _cut_corners(points: Sequence[Point]) -> list[Point]:
    """Replace each segment by its inner half, which rounds the corners. Source: Chaikin, 1974."""
    return [
        (a[0] * near + b[0] * (1 - near), a[1] * near + b[1] * (1 - near))
        for a, b in pairwise(points)
        for near in (0.75, 0.25)
    ]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return a mixture of two colours; a `share` of 0 is the first, 1 is the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue

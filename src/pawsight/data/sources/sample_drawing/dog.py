"""Draw the face of a dog: its shape distinguishes it from a cat, never its colour."""

from __future__ import annotations

from random import Random

from pawsight.data.sources.sample_drawing.fur import (
    BLACK,
    WHITE,
    Coat,
    Pose,
    draw_body,
    draw_head,
    draw_pattern,
)
from pawsight.data.sources.sample_drawing.pen import Pen, Point, mix


def draw_dog(pen: Pen, random: Random) -> None:
    """Draw a dog: hanging ears, round pupils, a long snout with a big nose, and maybe a tongue."""
    coat, pose = Coat.choose(random), Pose.choose(random)
    wide = random.uniform(0.86, 1.04)
    has_raised_ears = random.random() < 0.2
    draw_body(pen, random, coat)
    if has_raised_ears:
        _draw_raised_ears(pen, random, coat, wide)
    half: list[Point] = [
        (0.0, -0.92),
        (0.46 * wide, -0.9),
        (0.82 * wide, -0.52),
        (0.88 * wide, 0.0),
        (0.76 * wide, 0.44),
        (0.56 * wide, 0.82),
        (0.28 * wide, 1.02),
    ]
    draw_head(pen, coat, half)
    draw_pattern(pen, random, coat, pose)
    if not has_raised_ears:
        _draw_hanging_ears(pen, random, coat, wide)
    _draw_eyes(pen, random, coat, pose)
    _draw_snout(pen, random, coat, pose)


def _draw_raised_ears(pen: Pen, random: Random, coat: Coat, wide: float) -> None:
    """Draw raised ears with folded tips, like those of a terrier, which resemble cat ears."""
    height = random.uniform(1.15, 1.4)
    for side in (-1, 1):
        ear: list[Point] = [
            (side * 0.9 * wide, -0.2),
            (side * 1.02 * wide, -0.8),
            (side * 0.84 * wide, -height),
            (side * 0.5 * wide, -height),
            (side * 0.2 * wide, -0.7),
        ]
        if coat.line_width:
            grow = 1 + coat.line_width
            pen.shape([(x * grow, y * grow) for x, y in ear], coat.line)
        pen.shape(ear, coat.base)
        fold: list[Point] = [
            (side * 0.5 * wide, -height + 0.02),
            (side * 0.9 * wide, -height + 0.02),
            (side * 1.12 * wide, -0.72),
            (side * 0.86 * wide, -0.66),
        ]
        pen.shape(fold, coat.dark)


def _draw_hanging_ears(pen: Pen, random: Random, coat: Coat, wide: float) -> None:
    length, width = random.uniform(0.1, 0.95), random.uniform(0.24, 0.42)
    spread = random.uniform(0.0, 0.3)
    colour = coat.second if coat.pattern in ("patch", "mask") else coat.dark
    for side in (-1, 1):
        swing = random.gauss(0, 0.05)
        root, end = side * 0.62 * wide, side * (0.92 * wide + spread) + swing
        ear: list[Point] = [
            (root, -0.86),
            (root + side * 0.42, -0.74),
            (end + side * width, length * 0.3),
            (end + side * width * 0.8, length),
            (end - side * width * 0.3, length + 0.1),
            (end - side * width * 0.8, length * 0.4),
            (root - side * 0.02, -0.5),
        ]
        if coat.line_width:
            middle = (end + root) / 2
            grow = 1 + coat.line_width * 1.6
            around = [(middle + (x - middle) * grow, y * grow) for x, y in ear]
            pen.shape(around, coat.line)
        pen.shape(ear, colour)


def _draw_eyes(pen: Pen, random: Random, coat: Coat, pose: Pose) -> None:
    iris = random.choice(((94, 58, 34), (60, 40, 30), (124, 84, 44), (104, 140, 176)))
    size = random.uniform(0.11, 0.155)
    apart = random.uniform(0.31, 0.4)
    has_white = random.random() < 0.5
    for side in (-1, 1):
        x, y = side * apart + pose.side * 1.2, -0.16 + pose.nod
        if has_white:
            pen.blob(x, y, size * 1.35, size * 1.25, mix(coat.line, BLACK, 0.5))
            pen.blob(x, y, size * 1.2, size * 1.1, WHITE)
        pen.blob(x, y, size, size, iris if has_white else mix(iris, BLACK, 0.4))
        pen.blob(x, y, size * 0.6, size * 0.6, BLACK)
        pen.blob(x - size * 0.35, y - size * 0.35, size * 0.28, size * 0.28, WHITE)
        if random.random() < 0.5:
            pen.blob(x + side * 0.03, y - size * 2.1, 0.13, 0.05, coat.dark, side * 0.25)


def _draw_snout(pen: Pen, random: Random, coat: Coat, pose: Pose) -> None:
    x, y = pose.side * 1.8, pose.nod * 1.5
    width, length = random.uniform(0.38, 0.52), random.uniform(0.36, 0.5)
    centre = 0.42 + y
    snout = coat.light if random.random() < 0.7 else mix(coat.base, coat.light, 0.25)
    if random.random() < 0.6:
        tongue = random.choice(((232, 112, 128), (216, 92, 104), (240, 140, 150)))
        lean, long = random.gauss(0, 0.06), random.uniform(0.2, 0.48)
        below = centre + length * 0.7
        pen.blob(x + lean, below + long * 0.5, 0.17, long * 0.7 + 0.1, mix(tongue, BLACK, 0.35))
        pen.blob(x + lean, below + long * 0.5, 0.145, long * 0.7 + 0.07, tongue)
        pen.line([(x, below), (x + lean, below + long * 0.8)], mix(tongue, BLACK, 0.3), 0.03)
    if coat.line_width:
        pen.blob(x, centre, width + 0.03, length + 0.03, mix(coat.base, coat.line, 0.5))
    pen.blob(x, centre, width, length, snout)
    nose_y = centre - length * 0.5
    wide = random.uniform(0.17, 0.25)
    nose = random.choice((BLACK, (48, 36, 36), (92, 60, 52)))
    pen.shape(
        [
            (x - wide, nose_y - 0.1),
            (x + wide, nose_y - 0.1),
            (x + wide * 1.1, nose_y + 0.06),
            (x, nose_y + 0.24),
            (x - wide * 1.1, nose_y + 0.06),
        ],
        nose,
    )
    pen.blob(x - wide * 0.35, nose_y - 0.03, wide * 0.3, 0.03, mix(nose, WHITE, 0.5))
    mouth_y = centre + length * 0.55
    pen.line([(x, nose_y + 0.15), (x, mouth_y)], coat.line, 0.035)
    for side in (-1, 1):
        pen.line(
            [
                (x, mouth_y),
                (x + side * width * 0.4, mouth_y + 0.07),
                (x + side * width * 0.8, mouth_y - 0.04),
            ],
            coat.line,
            0.035,
        )

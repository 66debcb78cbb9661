"""Draw the face of a cat: its shape distinguishes it from a dog, never its colour."""

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


def draw_cat(pen: Pen, random: Random) -> None:
    """Draw a cat: pointed ears, slit pupils, a small nose and whiskers."""
    coat, pose = Coat.choose(random), Pose.choose(random)
    wide = random.uniform(0.92, 1.1)
    draw_body(pen, random, coat)
    _draw_ears(pen, random, coat, wide)
    tuft = random.uniform(0.0, 0.16)
    half: list[Point] = [
        (0.0, -0.86),
        (0.5 * wide, -0.84),
        (0.92 * wide, -0.42),
        (1.0 * wide, 0.1),
        (0.98 * wide + tuft, 0.42),
        (0.66 * wide, 0.72),
        (0.3 * wide, 0.92),
    ]
    draw_head(pen, coat, half)
    draw_pattern(pen, random, coat, pose)
    x, y = pose.side, pose.nod
    muzzle = coat.light if random.random() < 0.7 else coat.base
    for side in (-1, 1):
        pen.blob(x * 1.5 + side * 0.17, 0.46 + y, 0.23, 0.18, muzzle)
    pen.blob(x * 1.5, 0.62 + y, 0.16, 0.12, muzzle)
    _draw_eyes(pen, random, coat, pose)
    nose = random.choice(((222, 130, 136), (196, 104, 104), (70, 52, 52)))
    nose_y = 0.29 + y
    pen.shape(
        [(x * 1.6 - 0.12, nose_y), (x * 1.6 + 0.12, nose_y), (x * 1.6, nose_y + 0.14)], nose, 1
    )
    for side in (-1, 1):
        pen.line(
            [
                (x * 1.6, nose_y + 0.12),
                (x * 1.6 + side * 0.03, nose_y + 0.23),
                (x * 1.6 + side * 0.13, nose_y + 0.27),
                (x * 1.6 + side * 0.22, nose_y + 0.22),
            ],
            coat.line,
            0.03,
        )
    _draw_whiskers(pen, random, x, y)


def _draw_ears(pen: Pen, random: Random, coat: Coat, wide: float) -> None:
    tip_x, tip_y = random.uniform(0.62, 0.92), random.uniform(-1.55, -1.25)
    inner = random.choice(((232, 168, 164), (214, 150, 140), coat.light, coat.dark))
    colour = coat.second if coat.pattern == "mask" else coat.base
    for side in (-1, 1):
        flick = random.gauss(0, 0.07)
        tip = (side * tip_x * wide + flick, tip_y + abs(flick))
        outer, middle = (side * 0.98 * wide, -0.1), (side * 0.1 * wide, -0.8)
        if coat.line_width:
            grow = 1 + coat.line_width
            pen.shape([(x * grow, y * grow) for x, y in (outer, tip, tip, middle)], coat.line, 1)
        pen.shape([outer, tip, tip, middle], colour, 1)
        centre = ((outer[0] + tip[0] + middle[0]) / 3, (outer[1] + tip[1] + middle[1]) / 3)
        small = [
            (c + (p - c) * 0.58 for p, c in zip(point, centre, strict=True))
            for point in (outer, tip, tip, middle)
        ]
        pen.shape([(px, py) for px, py in small], inner, 1)


def _draw_eyes(pen: Pen, random: Random, coat: Coat, pose: Pose) -> None:
    iris = random.choice(
        ((150, 190, 70), (220, 186, 60), (96, 160, 200), (206, 140, 50), (110, 170, 120))
    )
    height = random.uniform(0.13, 0.2)
    pupil = random.uniform(0.035, 0.075) if random.random() < 0.8 else height * 0.7
    apart = random.uniform(0.38, 0.46)
    for side in (-1, 1):
        x, y = side * apart + pose.side * 1.2, -0.06 + pose.nod
        slant = side * -0.25
        pen.blob(x, y, 0.225, height + 0.035, mix(coat.line, BLACK, 0.5), slant)
        pen.blob(x, y, 0.195, height, iris, slant)
        pen.blob(x, y, pupil, height * 0.94, BLACK)
        pen.blob(x - 0.06, y - height * 0.4, 0.04, 0.04, WHITE)


def _draw_whiskers(pen: Pen, random: Random, x: float, y: float) -> None:
    colour = random.choice((WHITE, (230, 226, 220), (60, 56, 56)))
    length = random.uniform(0.75, 1.15)
    for side in (-1, 1):
        for row in (-1, 0, 1):
            start = (x * 1.5 + side * 0.2, 0.45 + y + row * 0.06)
            droop = row * 0.16 + random.gauss(0, 0.04)
            middle = (start[0] + side * length * 0.55, start[1] + droop * 0.4 - 0.05)
            pen.line([start, middle, (start[0] + side * length, start[1] + droop)], colour, 0.022)

"""Draw the faces of cats and dogs.

What tells them apart is what tells the animals apart: ears, eyes, muzzle, nose
and whiskers. Fur, its colours and its patterns are drawn from the same urn for
both, so that no classifier gets far by colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pawsight.pictures.sources.pen import Colour, Pen, Point, mix

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
        """Draw one from the urn that cats and dogs share."""
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
    """How an animal holds its head: the shift of its features, as a share of the radius."""

    side: float  # -0.2 looks left .. 0.2 right
    nod: float  # -0.1 looks up .. 0.1 down

    @classmethod
    def choose(cls, random: Random) -> Pose:
        """Look more or less at the camera."""
        return cls(random.gauss(0, 0.09), random.gauss(0, 0.05))


def draw_cat(pen: Pen, random: Random) -> None:
    """Draw a cat: pointed ears, slit pupils, a small nose and whiskers."""
    coat, pose = Coat.choose(random), Pose.choose(random)
    wide = random.uniform(0.92, 1.1)
    _draw_body(pen, random, coat)
    _draw_cat_ears(pen, random, coat, wide)
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
    _draw_head(pen, coat, half)
    _draw_pattern(pen, random, coat, pose)
    x, y = pose.side, pose.nod
    muzzle = coat.light if random.random() < 0.7 else coat.base
    for side in (-1, 1):
        pen.blob(x * 1.5 + side * 0.17, 0.46 + y, 0.23, 0.18, muzzle)
    pen.blob(x * 1.5, 0.62 + y, 0.16, 0.12, muzzle)
    _draw_cat_eyes(pen, random, coat, pose)
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


def draw_dog(pen: Pen, random: Random) -> None:
    """Draw a dog: hanging ears, round pupils, a long snout with a big nose, and maybe a tongue."""
    coat, pose = Coat.choose(random), Pose.choose(random)
    wide = random.uniform(0.86, 1.04)
    has_raised_ears = random.random() < 0.2
    _draw_body(pen, random, coat)
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
    _draw_head(pen, coat, half)
    _draw_pattern(pen, random, coat, pose)
    if not has_raised_ears:
        _draw_hanging_ears(pen, random, coat, wide)
    _draw_dog_eyes(pen, random, coat, pose)
    _draw_snout(pen, random, coat, pose)


def _draw_body(pen: Pen, random: Random, coat: Coat) -> None:
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


def _draw_head(pen: Pen, coat: Coat, half: list[Point]) -> None:
    """Fill the outline that `half`, from the crown down the right side, makes with its mirror."""
    outline = half + [(-x, y) for x, y in reversed(half[1:])]
    if coat.line_width:
        grown = 1 + coat.line_width
        pen.shape([(x * grown, y * grown) for x, y in outline], coat.line)
    pen.shape(outline, coat.base)
    pen.blob(0.0, -0.42, 0.52, 0.3, (*mix(coat.base, WHITE, 0.5), 46))


def _draw_pattern(pen: Pen, random: Random, coat: Coat, pose: Pose) -> None:
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


def _draw_cat_ears(pen: Pen, random: Random, coat: Coat, wide: float) -> None:
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


def _draw_cat_eyes(pen: Pen, random: Random, coat: Coat, pose: Pose) -> None:
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


def _draw_raised_ears(pen: Pen, random: Random, coat: Coat, wide: float) -> None:
    """Ears that stand and fold over at the tip, as a terrier's do: the harder dogs."""
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


def _draw_dog_eyes(pen: Pen, random: Random, coat: Coat, pose: Pose) -> None:
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


def _vary(colour: Colour, random: Random, amount: int) -> Colour:
    red, green, blue = (
        min(255, max(0, value + random.randint(-amount, amount))) for value in colour
    )
    return red, green, blue

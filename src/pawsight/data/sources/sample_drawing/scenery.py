"""Draw the background and foreground of a picture, and simulate the effects of a camera."""

from __future__ import annotations

import math
from functools import cache
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from pawsight.data.sources.sample_drawing.pen import Colour, mix

_REDUCTION = 4  # backgrounds are drawn smaller by this factor: faster, and blurred when enlarged


def draw_background(random: Random, size: tuple[int, int]) -> Image.Image:
    """Draw a random background, as an RGB image of `size` (width, height) in pixels."""
    width, height = size[0] // _REDUCTION, size[1] // _REDUCTION
    image = Image.new("RGB", (width, height), _colour(random))
    paint = random.choice((_gradient, _room, _meadow, _lights, _wallpaper, _carpet))
    image = paint(image, ImageDraw.Draw(image, "RGBA"), random)
    return image.resize(size, Image.Resampling.BILINEAR)


def draw_foreground(image: Image.Image, random: Random) -> None:
    """Draw a random object in front of the pet, at an edge of the picture."""
    canvas = ImageDraw.Draw(image, "RGBA")
    width, height = image.size
    colour = _colour(random)
    kind = random.choice(("blades", "ball", "bar", "cushion"))
    if kind == "blades":
        green = mix((60, 130, 50), colour, 0.25)
        for _ in range(14):
            x, tall = random.uniform(0, width), random.uniform(0.12, 0.36) * height
            lean, thick = random.gauss(0, 0.1) * height, width * 0.012
            points = [(x - thick, height), (x + lean, height - tall), (x + thick, height)]
            canvas.polygon(points, fill=mix(green, (20, 60, 20), random.random() * 0.6))
    elif kind == "ball":
        radius = random.uniform(0.08, 0.15) * width
        x, y = random.uniform(0, width), height - radius * random.uniform(0.4, 1.1)
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        shine = (x - radius * 0.6, y - radius * 0.7, x - radius * 0.1, y - radius * 0.2)
        canvas.ellipse(shine, fill=(255, 255, 255, 110))
    elif kind == "bar":
        x, thick = random.uniform(0, width), random.uniform(0.02, 0.06) * width
        lean = random.gauss(0, 0.1) * width
        points = [(x, 0), (x + thick, 0), (x + thick + lean, height), (x + lean, height)]
        canvas.polygon(points, fill=colour)
    else:
        x, wide = random.uniform(0.1, 0.9) * width, random.uniform(0.25, 0.5) * width
        top = random.uniform(0.78, 0.9) * height
        canvas.rounded_rectangle((x - wide, top, x + wide, height * 1.3), wide * 0.2, fill=colour)


def take_picture(image: Image.Image, random: Random) -> Image.Image:
    """Return the scene with random light, tint, blur and noise, as a camera records it."""
    image = _light(image, random)
    if random.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 1.4)))
    if random.random() < 0.05:
        image = image.convert("L").convert("RGB")
    grain = _grain(random.choice((2, 4, 8, 14)))
    x = random.randint(0, grain.width - image.width)
    y = random.randint(0, grain.height - image.height)
    noise = grain.crop((x, y, x + image.width, y + image.height))
    return ImageChops.add(image, noise, 1, -128)


def _light(image: Image.Image, random: Random) -> Image.Image:
    """Apply random exposure, contrast, tint, and shade from one side."""
    gain, offset = random.uniform(0.8, 1.12), random.uniform(-10, 18)
    table: list[int] = []
    for _ in range(3):
        tint = gain * random.gauss(1, 0.03)
        table += [min(255, max(0, round(value * tint + offset))) for value in range(256)]
    image = image.point(table)
    if random.random() < 0.6:
        shade = _shade(random.randrange(8)).resize(image.size)
        image = Image.composite(image, image.point(_darker(random.uniform(0.45, 0.85))), shade)
    return image


def _darker(factor: float) -> list[int]:
    return [round(value * factor) for value in range(256)] * 3


@cache
def _shade(direction: int) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((64, 64))
    return ramp.rotate(direction * 45, Image.Resampling.BILINEAR).crop((10, 10, 54, 54))


@cache
def _grain(strength: int) -> Image.Image:
    """Return noise around 128, larger than every picture here, so that crops of it differ."""
    values = np.random.Generator(np.random.PCG64(strength)).normal(128, strength, (400, 400, 3))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def _colour(random: Random) -> Colour:
    """Return a random muted colour, such as that of a wall or blanket."""
    strong = random.randint(40, 225), random.randint(40, 225), random.randint(40, 225)
    grey = round(sum(strong) / 3)
    return mix(strong, (grey, grey, grey), random.uniform(0.15, 0.75))


def _gradient(image: Image.Image, canvas: ImageDraw.ImageDraw, random: Random) -> Image.Image:
    other = Image.new("RGB", image.size, _colour(random))
    return Image.composite(image, other, _shade(random.randrange(8)).resize(image.size))


def _room(image: Image.Image, canvas: ImageDraw.ImageDraw, random: Random) -> Image.Image:
    width, height = image.size
    floor = random.uniform(0.55, 0.8) * height
    canvas.rectangle((0, floor, width, height), fill=_colour(random))
    canvas.rectangle((0, floor - 2, width, floor), fill=(245, 242, 236))
    for _ in range(random.randint(1, 3)):
        x, y = random.uniform(-0.1, 0.9) * width, random.uniform(-0.1, 0.4) * height
        right, low = x + random.uniform(0.15, 0.4) * width, y + random.uniform(0.15, 0.4) * height
        canvas.rectangle((x, y, right, low), fill=(240, 238, 230))
        canvas.rectangle((x + 2, y + 2, right - 2, low - 2), fill=_colour(random))
    return image


def _meadow(image: Image.Image, canvas: ImageDraw.ImageDraw, random: Random) -> Image.Image:
    width, height = image.size
    sky = mix((140, 190, 235), (250, 190, 150), random.random() * 0.7)
    canvas.rectangle((0, 0, width, height), fill=sky)
    horizon = random.uniform(0.35, 0.65) * height
    grass = mix((84, 150, 60), (170, 160, 80), random.random() * 0.6)
    for _ in range(4):
        x, hill = random.uniform(0, width), random.uniform(0.2, 0.5) * width
        box = (x - hill, horizon - hill * 0.4, x + hill, horizon + hill)
        canvas.ellipse(box, fill=mix(grass, sky, random.uniform(0.2, 0.5)))
    canvas.rectangle((0, horizon, width, height), fill=grass)
    for _ in range(60):
        x, y = random.uniform(0, width), random.uniform(horizon, height)
        shade = mix(grass, random.choice(((30, 80, 30), (220, 220, 130))), random.random() * 0.5)
        canvas.line((x, y, x + random.gauss(0, 1.5), y - random.uniform(2, 6)), fill=shade)
    return image


def _lights(image: Image.Image, canvas: ImageDraw.ImageDraw, random: Random) -> Image.Image:
    width, height = image.size
    for _ in range(random.randint(8, 18)):
        x, y = random.uniform(0, width), random.uniform(0, height)
        radius = random.uniform(0.04, 0.2) * width
        fill = (*_colour(random), random.randint(60, 170))
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    return image


def _wallpaper(image: Image.Image, canvas: ImageDraw.ImageDraw, random: Random) -> Image.Image:
    width, height = image.size
    colour, step = _colour(random), random.uniform(6, 16)
    slope = random.choice((0.0, 0.0, 0.6, -0.6))
    for row in range(math.ceil(2 * (width + height) / step)):
        x = row * step - height
        lean = slope * height
        points = [(x, 0), (x + step / 2, 0), (x + step / 2 + lean, height), (x + lean, height)]
        canvas.polygon(points, fill=(*colour, 150))
    return image


def _carpet(image: Image.Image, canvas: ImageDraw.ImageDraw, random: Random) -> Image.Image:
    x, y = random.randint(0, 200), random.randint(0, 200)
    tufts = _grain(14).convert("L").crop((x, y, x + image.width, y + image.height))
    return ImageChops.add(image, tufts.convert("RGB"), 1, -128)

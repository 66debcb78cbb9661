import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import ANALYSIS_SIZE, analyse
from pawsight.data.decoding.decode import examine
from pawsight.data.duplicates.near_duplicates import (
    across_classes,
    across_parts,
    exact_copies,
    find_duplicates,
    without_dominant_groups,
)
from pawsight.records import Photo


def catalog_of(*rows):
    """Photos by (sha256, part, label); a sha256 of "" stands for a broken one."""
    photos = []
    for i, (sha, part, *label) in enumerate(rows):
        problem = "" if sha else "empty file"
        photos.append(Photo(f"{i}.jpg", *label, sha256=sha, part=part, problem=problem))
    return Catalog("pets", "", tuple(photos))


def test_equal_bytes_are_grouped():
    catalog = catalog_of(("a", ""), ("b", ""), ("c", ""), ("b", ""), ("a", ""), ("b", ""))
    assert exact_copies(catalog) == [[0, 4], [1, 3, 5]]


def test_broken_photos_are_no_copies_of_each_other():
    assert exact_copies(catalog_of(("", ""), ("", ""))) == []


def test_copies_in_one_part_do_not_straddle():
    catalog = catalog_of(
        ("a", "train"), ("b", "train"), ("a", "test"), ("b", "train"), ("c", "train"), ("c", "")
    )
    assert across_parts(catalog, exact_copies(catalog)) == [[0, 2]]
    assert across_parts(catalog, [[0, 1, 3], [1, 2], [4, 5]]) == [[1, 2]]


def test_copies_of_two_classes_are_distinguished_from_those_without_a_label():
    catalog = catalog_of(("a", "", "cats"), ("a", "", "dogs"), ("b", "", "cats"), ("b", "", ""))
    assert across_classes(catalog, [[0, 1], [2, 3]]) == [[0, 1]]


def test_a_large_group_that_is_most_of_a_class_does_not_count():
    cats, dogs = ([(f"{name}{i}", "", name) for i in range(24)] for name in ("cats", "dogs"))
    catalog = catalog_of(*cats, *dogs)
    half, more = list(range(12)), list(range(24, 37))
    assert without_dominant_groups(catalog, [half, more]) == [half]


def test_a_small_group_counts_even_in_a_small_class():
    catalog = catalog_of(("a", "", "cats"), ("b", "", "cats"), ("c", "", "dogs"))
    assert without_dominant_groups(catalog, [[0, 1]]) == [[0, 1]]


# What follows looks at pictures.

SIZE = ANALYSIS_SIZE


class Memory:
    """Photos in memory."""

    def __init__(self, images):
        self.images = np.stack(images)
        self.num_read = 0

    def analysis(self, indices):
        self.num_read += len(indices)
        return analyse(self.images[indices])


def draw(seed, size=(240, 200)):
    """A picture of many shapes and colours; another seed gives another picture."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(rng.integers(0, 256, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.integers(-20, size[0]), rng.integers(-20, size[1])
        w, h = rng.integers(8, 70, 2)
        colour = tuple(rng.integers(0, 256, 3).tolist())
        shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        shape((int(x), int(y), int(x + w), int(y + h)), fill=colour)
    return image


def saved(image, kind="JPEG", **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def groups_of(*files):
    """The near copies among pictures, or among the bytes of files."""
    photos, images = [], []
    for i, file in enumerate(files):
        data = file if isinstance(file, bytes) else saved(file, quality=90)
        facts, image = examine(data, SIZE, "stretch")
        known = {"sha256": facts.sha256, "phash": facts.phash, "contrast": facts.contrast}
        photos.append(Photo(f"{i}.jpg", brightness=facts.brightness, **known))
        images.append(image)
    return find_duplicates(Catalog("pets", "", tuple(photos)), Memory(images))


def with_logo(image):
    changed = image.copy()
    ImageDraw.Draw(changed).ellipse((185, 10, 225, 50), fill="red")
    return changed


COPIES = {
    "saved again at low quality": lambda image: saved(image, quality=40),
    "saved as PNG": lambda image: saved(image, "PNG"),
    "saved as WebP": lambda image: saved(image, "WEBP", quality=75),
    "half as large": lambda image: image.resize((120, 100)),
    "twice as large": lambda image: image.resize((480, 400)),
    "another shape": lambda image: image.resize((200, 200)),
    "mirrored": ImageOps.mirror,
    "mirrored and smaller": lambda image: ImageOps.mirror(image).resize((120, 100)),
    "cropped by 3 %": lambda image: image.crop((4, 2, 237, 196)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "without colours": lambda image: image.convert("L").convert("RGB"),
    "with a logo": with_logo,
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_changed_copy_is_a_near_copy(change):
    others = [draw(seed) for seed in range(10, 16)]
    assert groups_of(draw(1), *others, change(draw(1)), change(draw(2))) == [[0, 7]]


def test_different_pictures_are_no_copies():
    assert groups_of(*(draw(seed) for seed in range(40))) == []


def test_exact_copies_are_inside_their_group():
    small = draw(1).resize((120, 100))
    assert groups_of(draw(1), draw(2), draw(1), small, draw(2)) == [[0, 2, 3], [1, 4]]


def test_copies_of_a_copy_are_one_group():
    once = ImageEnhance.Brightness(draw(1)).enhance(0.7)
    assert groups_of(draw(1), once, ImageOps.mirror(once.resize((120, 100)))) == [[0, 1, 2]]


def test_the_same_wall_with_other_things_before_it_is_no_copy():
    def before_the_wall(seed):
        wall = Image.new("RGB", (240, 200), (120, 110, 90))
        pen = ImageDraw.Draw(wall)
        for y in range(0, 200, 10):  # bricks, brighter towards the right
            for x in range(0, 240, 20):
                shade = 80 + x // 3 + (y // 10) % 2 * 20
                pen.rectangle((x + y % 20, y, x + y % 20 + 18, y + 8), fill=(shade, shade, 60))
        wall.paste(draw(seed, (110, 120)), (60, 50))
        return wall

    assert groups_of(before_the_wall(1), before_the_wall(2), before_the_wall(3)) == []


def test_the_same_frame_around_other_pictures_is_no_copy():
    def framed(seed):
        inner = draw(seed, (180, 150))
        return ImageOps.expand(ImageOps.expand(inner, 10, "white"), 20, "black")

    assert groups_of(framed(1), framed(2), framed(3)) == []


def test_the_same_shape_in_another_colour_is_no_copy():
    def blot(colour):
        image = draw(1)
        red, green, blue = image.split()
        order = {"as it is": (red, green, blue), "other": (blue, red, green)}[colour]
        return Image.merge("RGB", order)

    assert groups_of(blot("as it is"), blot("other")) == []


def test_no_copy_is_claimed_without_contrast_unless_the_bytes_are_equal():
    shades = [(255, 255, 255), (254, 255, 254), (0, 0, 0), (2, 1, 2), (0, 0, 90)]
    blank = [saved(Image.new("RGB", (100 + i, 80), c), "PNG") for i, c in enumerate(shades)]
    assert groups_of(*blank, draw(1), blank[3]) == [[3, 6]]


def test_photos_that_are_no_candidates_are_not_read():
    photos, images = [], []
    for seed in range(12):
        facts, image = examine(saved(draw(seed)), SIZE, "stretch")
        known = {"sha256": facts.sha256, "phash": facts.phash, "contrast": facts.contrast}
        photos.append(Photo(f"{seed}.jpg", **known))
        images.append(image)
    pixels = Memory(images)
    find_duplicates(Catalog("pets", "", tuple(photos)), pixels)
    assert pixels.num_read == 0


def noise(count, seed=0):
    """Pictures of coarse noise, no two alike, and as many random hashes."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 24, 24, 3), np.uint8).repeat(4, 1).repeat(4, 2)
    return images, [f"{number:016x}" for number in rng.integers(0, 2**63, count)]


def test_hundreds_of_copies_cost_no_more_than_each_a_few_looks():
    images, hashes = noise(1500)
    is_copy = np.random.default_rng(1).random(1500) < 0.4
    images[is_copy] = images[0]
    photos = tuple(
        Photo(f"{i}.jpg", sha256=f"{i:064x}", contrast=50.0, phash=hashes[0 if copy else i])
        for i, copy in enumerate(is_copy)
    )
    is_copy[0] = True
    pixels = Memory(images)
    assert find_duplicates(Catalog("pets", "", photos), pixels) == [
        np.flatnonzero(is_copy).tolist()
    ]
    # At a glance, as members of pairs, and to see what is usual: far from the 180,000 pairs.
    assert pixels.num_read < 10 * 1500


def test_photos_from_a_fixed_camera_are_no_copies():
    def passing(seed):
        scene = draw(0)
        x, y = np.random.default_rng(seed).integers(10, 150, 2).tolist()
        ImageDraw.Draw(scene).ellipse((x, y, x + 25, y + 25), fill="white")
        return scene

    assert groups_of(*(passing(seed) for seed in range(40))) == []


def test_handwriting_is_no_copy_because_it_looks_alike():
    def written(seed):  # a seven
        page = Image.new("L", (28, 28), 0)
        places = np.array([[6, 6], [20, 6], [15, 15], [12, 24]])
        places = places + np.random.default_rng(seed).uniform(-2.5, 2.5, places.shape)
        ImageDraw.Draw(page).line([tuple(place) for place in places.tolist()], fill=255, width=3)
        return saved(page, "PNG")

    assert groups_of(*(written(seed) for seed in range(60))) == []


def test_no_photos_have_no_copies():
    assert find_duplicates(Catalog("pets", "", ()), Memory([np.zeros((*SIZE, 3), np.uint8)])) == []

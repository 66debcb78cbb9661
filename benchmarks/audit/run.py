"""Measure the audit: its times, which altered copies it finds, and sheets to judge by eye.

    python benchmarks/audit/run.py SOURCE [--sheets FOLDER] [--altered 300]

SOURCE is whatever `pawsight audit` takes. Times each step, alters some photos
in every way of COPIES (saved again, resized, mirrored, cropped, ...) and counts
how many are found beside their originals among all photos of SOURCE. With
--sheets, the first 50 findings of each kind are laid out in one picture each,
for a person to count those that are right; what was counted stands in
results.md. Writes results.json here; the photos themselves stay where they are.
"""

import argparse
import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe
from pawsight.data.auditing.audit import audit_photos
from pawsight.data.auditing.checks import CHECKS
from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.auditing.findings import Item, PhotoItem, SentenceItem
from pawsight.data.auditing.outliers import find_outliers
from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import ANALYSIS_SIZE, ROW, analyse
from pawsight.data.decoding.decode import decode, examine
from pawsight.data.duplicates.near_duplicates import find_duplicates
from pawsight.data.reading.ingest import ingest
from pawsight.records import AnalysisArray, ImageArray, IntArray, Photo, Pixels

HERE = Path(__file__).resolve().parent
SIZE = ANALYSIS_SIZE
FIRST = 50
SIDE = 160  # of a photo on a sheet, in pixels
COLUMNS = 10


def main() -> None:
    arguments = parsed()
    catalog, pixels = ingest(arguments.source, SIZE)
    seconds = {}

    def timed(name: str, step: Callable[[], object]) -> object:
        start = time.perf_counter()
        found = step()
        seconds[name] = round(time.perf_counter() - start, 1)
        return found

    # Results for a store are cached; for anything else they are computed again.
    uncached = WithAltered(pixels, len(catalog.photos), np.empty((0, *SIZE, 3), np.uint8))
    copies = timed("near copies", lambda: find_duplicates(catalog, uncached))
    timed("facts", lambda: [check.finding(AuditFacts(catalog)) for check in CHECKS])
    timed("unlike", lambda: find_outliers(catalog, uncached))
    found = audit_photos(catalog, uncached, copies).findings
    recall = {
        name: share_found(catalog, pixels, change, arguments) for name, change in COPIES.items()
    }
    results = {
        "machine": describe(),
        "source": catalog.name,
        "num_photos": len(catalog.usable),
        "seconds": seconds,
        "counts": {name: len(finding.items) for name, finding in found.items()},
        "altered": arguments.altered,
        "recall": recall,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))
    if arguments.sheets:
        arguments.sheets.mkdir(parents=True, exist_ok=True)
        for name, finding in found.items():
            if finding.items and finding.kind is not SentenceItem and name != "broken":
                path = arguments.sheets / f"{name}.png"
                draw_sheet(catalog, finding.items[:FIRST], path)
                print(path)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source")
    parser.add_argument("--sheets", type=Path, help="a folder for the contact sheets")
    parser.add_argument("--altered", type=int, default=300, help="photos to alter in each way")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def saved(image: Image.Image, kind: str = "JPEG", **options: int) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def resized(image: Image.Image, factor: float) -> Image.Image:
    size = (round(image.width * factor), round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS)


def cropped(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    width, height = (round(side * (1 - share)) for side in image.size)
    x = int(rng.integers(0, image.width - width + 1))
    y = int(rng.integers(0, image.height - height + 1))
    return image.crop((x, y, x + width, y + height))


def marked(image: Image.Image) -> Image.Image:
    image = image.copy()
    width, height = image.size
    pen = ImageDraw.Draw(image)
    pen.ellipse((0.78 * width, 0.05 * height, 0.95 * width, 0.22 * height), fill=(200, 30, 30))
    return image


def written_on(image: Image.Image) -> Image.Image:
    image = image.copy()
    place = (0.05 * image.width, 0.88 * image.height)
    ImageDraw.Draw(image).text(place, "www.pets.example", fill="white")
    return image


def brightened(image: Image.Image, factor: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


# What is done to a photo: (image, random numbers) -> the bytes of a file.
COPIES: dict[str, Callable[[Image.Image, np.random.Generator], bytes]] = {
    "JPEG quality 40": lambda image, _: saved(image, quality=40),
    "JPEG quality 60": lambda image, _: saved(image, quality=60),
    "JPEG quality 80": lambda image, _: saved(image, quality=80),
    "JPEG quality 95": lambda image, _: saved(image, quality=95),
    "PNG": lambda image, _: saved(image, "PNG"),
    "WebP quality 75": lambda image, _: saved(image, "WEBP", quality=75),
    "half as large": lambda image, _: saved(resized(image, 0.5), quality=85),
    "twice as large": lambda image, _: saved(resized(image, 2), quality=85),
    "mirrored": lambda image, _: saved(ImageOps.mirror(image), quality=85),
    "mirrored, half as large": lambda image, _: saved(
        resized(ImageOps.mirror(image), 0.5), quality=70
    ),
    "cropped by 3 %": lambda image, rng: saved(cropped(image, 0.03, rng), quality=90),
    "cropped by 5 %": lambda image, rng: saved(cropped(image, 0.05, rng), quality=90),
    "cropped by 10 %": lambda image, rng: saved(cropped(image, 0.10, rng), quality=90),
    "20 % brighter": lambda image, _: saved(brightened(image, 1.2), quality=90),
    "50 % brighter": lambda image, _: saved(brightened(image, 1.5), quality=90),
    "30 % darker": lambda image, _: saved(brightened(image, 0.7), quality=90),
    "30 % more contrast": lambda image, _: saved(
        ImageEnhance.Contrast(image).enhance(1.3), quality=90
    ),
    "without colours": lambda image, _: saved(image.convert("L").convert("RGB"), quality=90),
    "with a text": lambda image, _: saved(written_on(image), quality=90),
    "with a logo": lambda image, _: saved(marked(image), quality=90),
    "turned by 90 degrees": lambda image, _: saved(image.rotate(90, expand=True), quality=90),
}


class WithAltered:
    """The pixels of a catalog, followed by those of altered photos."""

    def __init__(self, pixels: Pixels, num_photos: int, altered: ImageArray) -> None:
        self.image_size = pixels.image_size
        self.lost, self.batches_at_once = pixels.lost, 1
        self._pixels, self._num_photos, self._altered = pixels, num_photos, altered

    def read(self, indices: IntArray) -> ImageArray:
        """Read photos by their index, see `Pixels.read`."""
        images = np.empty((len(indices), *self.image_size, 3), np.uint8)
        is_altered = indices >= self._num_photos
        images[~is_altered] = self._pixels.read(indices[~is_altered])
        images[is_altered] = self._altered[indices[is_altered] - self._num_photos]
        return images

    def analysis(self, indices: IntArray) -> AnalysisArray:
        """Return what is compared of photos, see `Pixels.analysis`."""
        rows = np.empty(len(indices), ROW)
        is_altered = indices >= self._num_photos
        rows[~is_altered] = self._pixels.analysis(indices[~is_altered])
        rows[is_altered] = analyse(self._altered[indices[is_altered] - self._num_photos])
        return rows


def share_found(
    catalog: Catalog,
    pixels: Pixels,
    change: Callable[[Image.Image, np.random.Generator], bytes],
    arguments: argparse.Namespace,
) -> float:
    """Alter photos and give the share that is in one group with its original."""
    rng = np.random.default_rng(arguments.seed)
    chosen = rng.choice(catalog.usable, min(arguments.altered, len(catalog.usable)), replace=False)
    photos, images = list(catalog.photos), []
    for index in chosen.tolist():
        original = catalog.photos[index]
        image = decode((catalog.root / original.path).read_bytes()).convert("RGB")
        facts, small = examine(change(image, rng), SIZE, "stretch")
        images.append(small)
        photos.append(with_facts(original, facts))
    both = WithAltered(pixels, len(catalog.photos), np.stack(images))
    larger = replace(catalog, photos=tuple(photos))
    groups = find_duplicates(larger, both)
    group_of = {index: number for number, group in enumerate(groups) for index in group}
    hits = [
        group_of.get(index, -1) == group_of.get(len(catalog.photos) + place, -2)
        for place, index in enumerate(chosen.tolist())
    ]
    return round(float(np.mean(hits)), 4)


def with_facts(photo: Photo, facts: object) -> Photo:
    names = ("format", "width", "height", "sha256", "phash", "brightness", "sharpness", "contrast")
    path = f"altered/{photo.path}"
    return replace(photo, path=path, **{name: getattr(facts, name) for name in names})


def draw_sheet(catalog: Catalog, items: tuple[Item, ...], path: Path) -> None:
    """Lay out findings in one picture; the photos of a group stand side by side, framed."""
    groups = [([item] if isinstance(item, PhotoItem) else item.photos)[:COLUMNS] for item in items]
    rows: list[list[list[PhotoItem]]] = [[]]
    for group in groups:
        if sum(map(len, rows[-1])) + len(group) > COLUMNS:
            rows.append([])
        rows[-1].append(group)
    sheet = Image.new("RGB", (COLUMNS * SIDE, len(rows) * SIDE), "white")
    pen = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        column = 0
        for group in row:
            for photo in group:
                image = decode((catalog.root / photo.path).read_bytes(), keep_truncated=True)
                image.thumbnail((SIDE - 6, SIDE - 6))
                sheet.paste(image, (column * SIDE + 3, number * SIDE + 3))
                column += 1
            left, top = (column - len(group)) * SIDE, number * SIDE
            pen.rectangle((left, top, column * SIDE - 1, top + SIDE - 1), outline="blue")
    sheet.save(path)


if __name__ == "__main__":
    main()

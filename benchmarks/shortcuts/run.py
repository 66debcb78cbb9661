"""Which planted shortcuts the audit names, and how often it names one where there is none.

    python benchmarks/shortcuts/run.py FOLDER

FOLDER holds photos or archives of them, each with a folder per class. Sets of two classes are
made of its photos, written anew with equal JPEG quality and without EXIF data: halves of one class
drawn at random, and pairs of real classes. A shortcut is planted into one class of halves, in all
of its photos and in 80 % of them, and the audit is asked. Writes results.json and results.md here;
the photos stay where they are, and the sets are in a temporary folder.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from pawsight.data.auditing.detail import enlarged
from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.auditing.shortcuts import find_shortcuts
from pawsight.data.decoding.analysis import ANALYSIS_SIZE
from pawsight.data.reading.ingest import ingest
from pawsight.data.sources import fetch
from pawsight.progress import Silent

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine

HERE = Path(__file__).resolve().parent
QUALITY = 90
SETS_PER_CUE = 3
CLEAN_HALVES = 8
CLEAN_SETS = 20


class Writer:
    """Writes a photo of a set; a cue changes one of its steps."""

    quality = QUALITY
    camera = ""
    name = "{:05}.jpg"

    def changed(self, image: Image.Image, random: np.random.Generator) -> Image.Image:
        """The photo with the cue in its pixels."""
        return image

    def write(self, path: Path, folder: Path, number: int, random: np.random.Generator) -> None:
        """Write a photo into the folder of its class."""
        image = Image.open(path).convert("RGB")
        exif = Image.Exif()
        if self.camera:
            exif[0x010F], exif[0x0110] = self.camera.split(" ", 1)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / self.name.format(number)
        self.changed(image, random).save(target, "JPEG", quality=self.quality, exif=exif)


class Changed(Writer):
    """Writes photos with changed pixels."""

    def __init__(self, change: Callable[[Image.Image, np.random.Generator], Image.Image]) -> None:
        self.changed = change


def with_(**facts: object) -> Writer:
    writer = Writer()
    vars(writer).update(facts)
    return writer


def framed(image, random):
    width = max(2, round(0.03 * min(image.size)))
    ImageDraw.Draw(image).rectangle((0, 0, image.width - 1, image.height - 1), None, "white", width)
    return image


def smaller(image, random):
    return image.resize((round(0.7 * image.width), round(0.7 * image.height)))


def narrower(image, random):
    return image.crop((0, 0, round(0.75 * image.width), image.height))


def stamped(image, random):
    height = max(8, round(0.05 * image.height))
    date = f"{random.integers(2003, 2010)} {random.integers(1, 13):02} {random.integers(1, 29):02}"
    at = (image.width - height / 2, image.height - height / 2)
    font = ImageFont.load_default(size=height)
    ImageDraw.Draw(image).text(at, date, "#ffa030", font, anchor="rs")
    return image


def cast(image, random):
    factors = np.array([1.05, 1.0, 0.85])
    return Image.fromarray(np.clip(np.asarray(image) * factors, 0, 255).astype(np.uint8))


def darker(image, random):
    return ImageEnhance.Brightness(image).enhance(0.75)


def blurred(image, random):
    return image.filter(ImageFilter.GaussianBlur(0.006 * min(image.size)))


def noisy(image, random):
    noise = random.normal(0, 15, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


CUES = {  # how the first class and the second one are written, and which cues name it
    "border": (Changed(framed), Writer(), {"border"}),
    "size": (Changed(smaller), Writer(), {"size"}),
    "aspect ratio": (Changed(narrower), Writer(), {"aspect"}),
    "JPEG quality": (with_(quality=60), Writer(), {"jpeg_quality"}),
    "camera": (with_(camera="Canon EOS 350D"), with_(camera="NIKON D70"), {"camera"}),
    "date stamp": (Changed(stamped), Writer(), {"corner_mark"}),
    "colour cast": (Changed(cast), Writer(), {"colour_cast"}),
    "brightness": (Changed(darker), Writer(), {"brightness"}),
    "file names": (with_(name="IMG_{:04}.jpg"), with_(name="DSC{:05}.jpg"), {"file_name"}),
    "blur": (Changed(blurred), Writer(), {"detail"}),
    "noise": (Changed(noisy), Writer(), {"detail"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=100, help="photos of a class")
    args = parser.parse_args()
    start = time.monotonic()
    classes = classes_of(args.photos)
    facts = {"machine": machine.describe(), "seed": args.seed, "photos_of_a_class": args.most}
    facts["enlarged"] = {path.stem: share_enlarged(path) for path in archives(args.photos)}
    facts["planted"] = planted(classes, args)
    facts["clean"] = clean(classes, args)
    facts["seconds"] = round(time.monotonic() - start)
    name = f"results-seed-{args.seed}" if args.seed else "results"
    (HERE / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    (HERE / f"{name}.md").write_text(as_table(facts))


def archives(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() or path.suffix == ".zip")


def classes_of(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """The photos of each class of each source."""
    found: dict[str, dict[str, list[Path]]] = {}
    for path in archives(folder):
        root = fetch(str(path), Silent()).root
        for photo in sorted(root.rglob("*.jpg")):
            found.setdefault(path.stem, {}).setdefault(photo.parent.name, []).append(photo)
    return found


def share_enlarged(path: Path) -> dict[str, object]:
    catalog, pixels = ingest(str(path), ANALYSIS_SIZE)
    share = len(enlarged(AuditFacts(catalog, pixels, []))) / len(catalog.usable)
    return {"photos": len(catalog.usable), "enlarged": round(share, 5)}


def named(groups: list[list[Path]], writers: list[Writer], share: float, random) -> set[str]:
    """Write a set of two classes; return the ids of the cues that the audit names."""
    with tempfile.TemporaryDirectory() as folder:
        for name, paths, writer in zip(("one", "two"), groups, writers, strict=True):
            for number, path in enumerate(paths):
                has_cue = random.random() < share
                (writer if has_cue else Writer()).write(path, Path(folder, name), number, random)
        return {one.cue for one in find_shortcuts(*ingest(folder, ANALYSIS_SIZE))}


def halves(paths: list[Path], most: int, random) -> list[list[Path]]:
    order = random.permutation(len(paths))[: 2 * most]
    some = [paths[i] for i in order]
    return [some[::2], some[1::2]]


def planted(classes, args) -> list[dict[str, object]]:
    groups = [
        (f"{source}: {name}", paths)
        for source, each in classes.items()
        for name, paths in each.items()
    ]
    found = []
    for number, (cue, (one, two, wanted)) in enumerate(CUES.items()):
        for draw, share in itertools.product(range(SETS_PER_CUE), (1.0, 0.8)):
            random = np.random.default_rng([args.seed, number, draw])
            name, paths = groups[random.integers(len(groups))]
            cues = named(halves(paths, args.most, random), [one, two], share, random)
            row = {"cue": cue, "share": share, "set": name, "named": bool(wanted & cues)}
            found.append(row | {"others": sorted(cues - wanted)})
            print(row, sorted(cues - wanted), flush=True)
    return found


def clean(classes, args) -> list[dict[str, object]]:
    groups = [(s, name, paths) for s, each in classes.items() for name, paths in each.items()]
    random = np.random.default_rng([args.seed, 1000])
    sets = []
    for place in random.permutation(len(groups))[:CLEAN_HALVES].tolist():
        source, name, paths = groups[place]
        sets.append((f"halves of {source}: {name}", halves(paths, args.most, random)))
    for source, each in classes.items():
        for one, two in itertools.combinations(each, 2):
            both = [halves(each[name], args.most, random)[0] for name in (one, two)]
            sets.append((f"{source}: {one}, {two}", both))
    found = []
    for name, both in sets[:CLEAN_SETS]:
        cues = sorted(named(both, [Writer(), Writer()], 1.0, random))
        found.append({"set": name, "photos": [len(each) for each in both], "named": cues})
        print(found[-1], flush=True)
    return found


def as_table(facts) -> str:
    rows = ["| planted | in all photos of a class | in 80 % of them |", "|---|---|---|"]
    for cue in CUES:
        cells = []
        for share in (1.0, 0.8):
            trials = [t for t in facts["planted"] if (t["cue"], t["share"]) == (cue, share)]
            cells.append(f"{sum(t['named'] for t in trials)} of {len(trials)}")
        rows.append(f"| {cue} | {' | '.join(cells)} |")
    alarms = [one for one in facts["clean"] if one["named"]]
    extra = sorted({(t["cue"], other) for t in facts["planted"] for other in t["others"]})
    named_too = "; ".join(f"{other} where {cue} was planted" for cue, other in extra) or "none"
    lines = [
        "# Planted shortcuts that the audit names",
        "",
        f"{facts['machine']} Seed {facts['seed']}, up to {facts['photos_of_a_class']} photos of a "
        f"class, {facts['seconds']} s. Made by `python benchmarks/shortcuts/run.py FOLDER`.",
        "",
        *rows,
        "",
        f"Named beside what was planted: {named_too}.",
        "",
        f"Sets without a planted shortcut, in which one is named: {len(alarms)} of "
        f"{len(facts['clean'])}"
        + "".join(f"; {one['set']}: {', '.join(one['named'])}" for one in alarms)
        + ".",
        "",
        "| photos | number | with less detail than pixels |",
        "|---|---|---|",
        *(
            f"| {name} | {one['photos']:,} | {100 * one['enlarged']:.2f} % |"
            for name, one in facts["enlarged"].items()
        ),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

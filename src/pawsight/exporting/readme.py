"""The README.md beside an export: what it is, what was checked, and code that runs as it stands."""

from __future__ import annotations

from pathlib import Path

from pawsight.exporting.comparison import Exported
from pawsight.exporting.formats import Format
from pawsight.exporting.model_folder import ModelFolder
from pawsight.records import Resize
from pawsight.runs import write_text

# As `pictures/decoding` does it, on photos in sRGB.
_RESIZED: dict[Resize, str] = {
    "stretch": "photo = photo.resize(({width}, {height}), Image.Resampling.BILINEAR)",
    "crop": "photo = ImageOps.fit(photo, ({width}, {height}), Image.Resampling.BILINEAR)",
    "pad": "photo = ImageOps.pad(\n"
    "    photo, ({width}, {height}), Image.Resampling.BILINEAR, color=(128, 128, 128)\n)",
}
_WORDS: dict[Resize, str] = {
    "stretch": "stretched to that size, whatever its shape",
    "crop": "cut at both ends of its longer side, then brought to that size",
    "pad": "brought into that size, with mid-grey bars",
}


def write_readme(model: ModelFolder, format: Format, exported: Exported, folder: Path) -> None:
    """Write README.md.

    Raises:
        DiskError: It cannot be written.
    """
    snippet = format.snippet()
    code = f"\n```python\n{decoding(model)}\n{snippet}\n{_TELLING}```\n" if snippet else ""
    write_text(folder / "README.md", f"{_text(model, format, exported)}{code}")


def decoding(model: ModelFolder) -> str:
    """Python that reads `photo.jpg` into `images` and names the classes."""
    height, width = model.image_size
    resized = _RESIZED[model.resize].format(height=height, width=width)
    needs_ops = "Image, ImageOps"
    return f"""\
import numpy as np
from PIL import {needs_ops}

class_names = {list(model.class_names)!r}
photo = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
{resized}
images = np.asarray(photo, np.float32)[None]  # [1, {height}, {width}, 3], 0..255
"""


_TELLING = """\
for name, probability in zip(class_names, probabilities):
    print(f"{name}: {probability:.3f}")
"""


def _text(model: ModelFolder, format: Format, exported: Exported) -> str:
    height, width = model.image_size
    classes = ", ".join(model.class_names)
    cost = exported.model_accuracy - exported.accuracy
    int8 = (
        f"\nIts numbers are rounded to 8 bits: {100 * cost:+.2f} points of accuracy lost here.\n"
        if format.is_int8
        else ""
    )
    return f"""\
# A pawsight model as {format.name}

For {format.summary}.

- Classes, in the order of the outputs: {classes}
- Input `images`: float32, shape [N, {height}, {width}, 3] (height, width), RGB from 0 to 255; the
  scaling is inside. A photo is turned upright and {_WORDS[model.resize]}.
- Output `probabilities`: calibrated, each row sums to 1. Output `logits`: before the calibration,
  which divides them by {model.temperature:g}, and the softmax.

`model.json` says the same for programs.

## Compared with the model

On {exported.num_photos:,} photos, against the run's own model:

| | this export | the model |
|---|---|---|
| accuracy | {exported.accuracy:.2%} | {exported.model_accuracy:.2%} |
| median time a photo | {1000 * exported.seconds_per_photo:.1f} ms | \
{1000 * exported.model_seconds_per_photo:.1f} ms |

The largest difference of any probability was {exported.largest_difference:.2g}; both named the same
class on {exported.agreement:.2%} of the photos. The files take {exported.size / 1e6:.1f} MB.
{int8}
## Use it

Put a `photo.jpg` beside these files and run this there:
"""

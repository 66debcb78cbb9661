"""Write the README.md of an export: its description, its comparison, and code to run it."""

from __future__ import annotations

from pathlib import Path

from pawsight.exporting.any_size import SNIPPET as ANY_SIZE_SNIPPET
from pawsight.exporting.comparison import Exported
from pawsight.exporting.format import Format
from pawsight.exporting.model_folder import OOD_SCORE, ModelFolder
from pawsight.exporting.preprocessing_code import (
    IMPORTS,
    is_complete,
    opening_code,
    reading_code,
)
from pawsight.formatting import markdown_text, percent
from pawsight.models.description import ModelDescription
from pawsight.records import Resize
from pawsight.storage.atomic import write_text

DESCRIPTION_NAME = "model.json"
_RESIZING: dict[Resize, str] = {
    "stretch": "stretched to that size",
    "crop": "cropped at both ends of its longer side, then resized to that size",
    "pad": "resized to fit into that size, with mid-grey bars",
}


def write_readme(
    model: ModelFolder,
    format: Format,
    exported: Exported,
    folder: Path,
    any_size: float | None,
    description_name: str = DESCRIPTION_NAME,
) -> None:
    """Write README.md.

    Args:
        model: The exported model.
        format: The format.
        exported: The comparison with the model.
        folder: The folder to write to.
        any_size: The result of `any_size.add_any_size`; None if there is no such file.
        description_name: Name of the file with the same description for programs.

    Raises:
        DiskError: The file cannot be written.
    """
    text = _text(model, format, exported, description_name)
    if snippet := format.snippet_for(model.description):
        code = f"{reading_code(model)}\n{snippet}\n{_printing(model.description)}"
        text += f"{_USE}\n```python\n{code}```\n"
        if not is_complete(model.description.pixel_scale):
            text += _INCOMPLETE
    if any_size is not None:
        code = ANY_SIZE_SNIPPET.format(
            imports=IMPORTS,
            class_names=list(model.description.class_names),
            opening=opening_code(model.description.pixel_scale),
        )
        code += f"\n{_printing(model.description)}"
        text += f"{_ANY_SIZE.format(any_size)}\n```python\n{code}```\n"
    write_text(folder / "README.md", text + format.advice)


_USE = """
## Use it

Put a `photo.jpg` beside these files and run this there:
"""
_INCOMPLETE = """
The model was trained on values of more than 8 bits, or on chosen bands of TIFFs. This code scales
files of one band as in training; for colour files of 16 bits and files of many bands use
`pawsight predict`.
"""
_ANY_SIZE = """
## Photos of any size

`photo.onnx` also resizes the photo. Its input is `photo`: uint8, shape [1, height, width, 3], with
any height and width. It resizes almost as pawsight does: on up to 64 original photos, no
probability differed by more than {:.2g}.
"""
_OOD_SCORE = """
- Output `ood_score`: shape [N]; above 1 a photo is unlike all photos of the training set, and
  pawsight's answer is `none`."""

_PRINTING = """\
for name, probability in zip(class_names, probabilities):
    print(f"{name}: {probability:.3f}")
"""
_PRINTING_LABELS = """\
thresholds = {thresholds}
for name, probability, threshold in zip(class_names, probabilities, thresholds):
    print(f"{{name}}: {{probability:.3f}} {{'yes' if probability >= threshold else 'no'}}")
"""


def _printing(description: ModelDescription) -> str:
    """Return the code that prints the prediction."""
    thresholds = description.labelling.thresholds_of(len(description.class_names))
    if thresholds is None:
        return _PRINTING
    return _PRINTING_LABELS.format(thresholds=[round(threshold, 6) for threshold in thresholds])


def _outputs(description: ModelDescription) -> str:
    if description.labelling.is_multi_label:
        return (
            f"- Output `probabilities`: calibrated, independent for each label; a photo has a "
            f"label\n  if its probability reaches the threshold. Output `logits`: before the "
            f"calibration,\n  which divides them by {description.temperature:g}, and the sigmoid."
        )
    return (
        f"- Output `probabilities`: calibrated, each row sums to 1. Output `logits`: before the "
        f"calibration,\n  which divides them by {description.temperature:g}, and the softmax."
    )


def _text(model: ModelFolder, format: Format, exported: Exported, description_name: str) -> str:
    height, width = model.description.image_size
    black, full = model.description.input_range
    count = "1" if format.takes_one else "N"
    is_multi_label = model.description.labelling.is_multi_label
    accuracy = "photos with all labels right" if is_multi_label else "accuracy"
    answer = "labels" if is_multi_label else "class"
    classes = ", ".join(map(markdown_text, model.description.class_names))
    int8 = f"\nIts numbers are rounded to 8 bits. {_cost(exported)}\n" if format.is_int8 else ""
    return f"""\
# A pawsight model as {format.name}

For {format.summary}.

- Classes, in the order of the outputs: {classes}
- Input `images`: float32, shape [{count}, {height}, {width}, 3] (height, width), RGB
  from {black:g} to {full:g}; any other scaling is inside.
  A photo is turned upright and {_RESIZING[model.description.resize]}.
{_outputs(model.description)}{_OOD_SCORE if OOD_SCORE in model.description.outputs else ""}

`{description_name}` has the same description for programs.

## Compared with the model

On {exported.num_photos:,} photos, compared with the run's model:

| | this export | the model |
|---|---|---|
| {accuracy} | {percent(exported.accuracy, 2)} | {percent(exported.model_accuracy, 2)} |
| median time per photo | {1000 * exported.seconds_per_photo:.1f} ms | \
{1000 * exported.model_seconds_per_photo:.1f} ms |

The largest difference of any probability was {exported.largest_difference:.2g}; both predicted the
same {answer} on {percent(exported.agreement, 2)} of the photos.
The files take {exported.size / 1e6:.1f} MB.
{int8}"""


def _cost(exported: Exported) -> str:
    points = 100 * (exported.accuracy - exported.model_accuracy)
    if not points:
        return "That costs no accuracy on these photos."
    change = "costs" if points < 0 else "gains"
    return f"That {change} {abs(points):.2f} points of accuracy on these photos."

"""Open `model.onnx` in ONNX Runtime, once it is clear that it takes and gives what it should.

A call of the model keeps to one core; whoever has many photos makes a call on
each core at once. Cores that share a call wait for each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pawsight.errors import RunError, first_line
from pawsight.models.description import ModelDescription


def open_session(path: Path, description: ModelDescription) -> Any:
    """Open the model in ONNX Runtime, once it is clear that it takes and gives what it should."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # The thread that calls; so there are none to pin, which fails noisily in containers.
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        # From bytes, so that a path of any letters works on every system.
        content = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"{path} cannot be read: {error.strerror}.\n"
            f"Finish the run with: pawsight resume {path.parent.parent}"
        ) from error
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise RunError(
            f"{path} is no model that ONNX Runtime can run ({first_line(error)}).\n"
            f"Train again, or copy the run folder anew."
        ) from error
    images, logits = [None, *description.image_size, 3], [None, len(description.class_names)]
    # Other outputs are left alone: the shipped model gives its features too.
    found = [output for output in session.get_outputs() if output.name == "logits"]
    if not (_is_only(session.get_inputs(), "images", images) and _is_only(found, "logits", logits)):
        height, width = description.image_size
        raise RunError(
            f"{path} does not take images of {height} x {width} pixels and give logits of "
            f"{logits[1]} classes, as model.json beside it says.\n"
            f"Train again, or copy the run folder anew."
        )
    return session


def _is_only(found: list[Any], name: str, shape: list[int | None]) -> bool:
    """Whether a model has just this input or output; a side that it leaves open fits any."""
    if len(found) != 1 or (found[0].name, found[0].type) != (name, "tensor(float)"):
        return False
    sides = found[0].shape or []
    return len(sides) == len(shape) and all(
        wanted is None or not isinstance(side, int) or side == wanted
        for side, wanted in zip(sides, shape, strict=True)
    )

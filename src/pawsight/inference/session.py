"""Open `model.onnx` in ONNX Runtime, once it is clear that it takes and gives what it should."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pawsight.errors import RunError
from pawsight.inference.description import Description


def open_session(path: Path, description: Description) -> Any:
    """Open the model in ONNX Runtime, once it is clear that it takes and gives what it should."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Told how many, it does not pin its threads, which fails noisily in containers.
    options.intra_op_num_threads = num_cpus()
    # Threads that wait by spinning would take the processor from the decoders.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        # From bytes, since a model given by path may point at other files to read.
        content = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"{path} cannot be read: {error.strerror}.\n"
            f"Finish the run with: pawsight resume {path.parent.parent}"
        ) from error
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        takes = [(found.name, found.type, len(found.shape)) for found in session.get_inputs()]
        gives = [(found.name, found.type, len(found.shape)) for found in session.get_outputs()]
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise RunError(
            f"{path} is no model that ONNX Runtime can run ({first_line(error)}).\n"
            f"Train again, or copy the run folder anew."
        ) from error
    sides = session.get_inputs()[0].shape[1:] if takes else []
    expected = [*description.image_size, 3]
    fits = all(
        isinstance(side, str | None) or side == want
        for side, want in zip(sides, expected, strict=False)
    )
    if (
        takes != [("images", "tensor(float)", 4)]
        or gives != [("logits", "tensor(float)", 2)]
        or not fits
    ):
        raise RunError(
            f"{path} does not take images of {description.image_size} pixels and give logits, "
            f"as model.json beside it says.\n"
            f"Train again, or copy the run folder anew."
        )
    return session


def first_line(error: Exception) -> str:
    """Give the first line of a library's message, which is as much as helps a person."""
    return str(error).strip().split("\n", 1)[0][:200]


def num_cpus() -> int:
    """How many processors this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

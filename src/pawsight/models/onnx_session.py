"""Open ONNX models in ONNX Runtime; no other module does.

A call of a session uses one core. For many photos, one call on each core is faster than one
call on all cores, which would wait for each other.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from pawsight.errors import ModelError, RunError, first_line
from pawsight.formatting import resume_command
from pawsight.models.description import ModelDescription
from pawsight.models.onnx_safety import check_safe, read_onnx

_OPENING_SECONDS = 300.0  # generous: computing the constants of a model takes little time


def new_session(content: bytes, folded_path: Path | None = None) -> Any:
    """Check a model, and return an `onnxruntime.InferenceSession` for it that uses one core.

    Args:
        content: The ONNX file.
        folded_path: File to which the model with folded constants is written; None writes none.

    Raises:
        ModelError: The model could do more than compute, or ONNX Runtime cannot run it.
    """
    check_safe(content)
    return _session(content, folded_path)


def session_of_file(path: Path) -> Any:
    """Return a session as `new_session` does, for a file.

    Raises:
        ModelError: The model could do more than compute, or ONNX Runtime cannot run it.
        OSError: The file cannot be read.
    """
    return _session(read_onnx(path))


def _session(content: bytes, folded_path: Path | None = None) -> Any:
    """Open a checked model: from bytes, so that ONNX Runtime cannot find files beside it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # The calling thread. Pinning further threads to cores logs errors in containers.
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    # ONNX Runtime would recognise its other format by the first bytes; `check_safe` does not.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if folded_path is not None:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folded_path)

    opened: Future[Any] = Future()

    def open_model() -> None:
        try:
            # The fallback would only repeat the call, and print the error to standard output.
            session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors share no base class
            opened.set_exception(error)
        else:
            opened.set_result(session)

    # In a thread, so that Ctrl-C and the time limit work: computing the constants of a hostile
    # model may take forever.
    threading.Thread(target=open_model, name="pawsight-opening", daemon=True).start()
    try:
        return opened.result(_OPENING_SECONDS)
    except TimeoutError as error:
        raise ModelError(f"It was not opened within {_OPENING_SECONDS:.0f} seconds.") from error
    except Exception as error:
        raise ModelError(f"ONNX Runtime refuses it: {first_line(error)}") from error


def open_session(path: Path, description: ModelDescription) -> Any:
    """Open a run's model.onnx, and check its input and output against the description.

    Raises:
        RunError: The file is missing or damaged, could do more than compute, or its input or
            output differ from the description.
    """
    try:
        content = read_onnx(path)
        description.check(path, content)
        session = _session(content)
    except FileNotFoundError as error:
        raise RunError(
            f"There is no {path}.\nFinish the run with: {resume_command(path.parent.parent)}"
        ) from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {first_line(error)}.") from error
    except ModelError as error:
        raise RunError(
            f"{path} is not a model that ONNX Runtime can run. {error}\n"
            f"Train again, or copy the run folder again."
        ) from error
    images, logits = [None, *description.image_size, 3], [None, len(description.class_names)]
    # Other outputs are allowed, such as the features of the shipped model.
    outputs = [output for output in session.get_outputs() if output.name == "logits"]
    if not (
        _is_only(session.get_inputs(), "images", images) and _is_only(outputs, "logits", logits)
    ):
        height, width = description.image_size
        raise RunError(
            f"{path} does not map images of {height} x {width} pixels to logits of "
            f"{logits[1]} classes, as model.json beside it states.\n"
            f"Train again, or copy the run folder again."
        )
    return session


def _is_only(tensors: list[Any], name: str, shape: list[int | None]) -> bool:
    """Return whether the inputs or outputs are one tensor of this name; open dimensions fit any."""
    if len(tensors) != 1 or (tensors[0].name, tensors[0].type) != (name, "tensor(float)"):
        return False
    actual_shape = tensors[0].shape or []
    return len(actual_shape) == len(shape) and all(
        expected is None or not isinstance(length, int) or length == expected
        for length, expected in zip(actual_shape, shape, strict=True)
    )

"""Open ONNX models in ONNX Runtime; the one place that does.

A call of a model uses one core; for many photos, make a call on
each core at once. Cores that share a call wait for each other.
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

_OPENING_SECONDS = 300.0  # generous: what is computed before the first run is little


def new_session(content: bytes, folded_path: Path | None = None) -> Any:
    """Return an `onnxruntime.InferenceSession` of a model that is safe to run, on one core.

    Args:
        content: The ONNX file.
        folded_path: Where to write the model with its constants computed; None writes nothing.

    Raises:
        ModelError: The model could do more than compute, or ONNX Runtime cannot run it.
    """
    check_safe(content)
    return _session(content, folded_path)


def session_of_file(path: Path) -> Any:
    """Return a session as `new_session` does, of a file.

    Raises:
        ModelError: The model could do more than compute, or ONNX Runtime cannot run it.
        OSError: The file cannot be read.
    """
    return _session(read_onnx(path))


def _session(content: bytes, folded_path: Path | None = None) -> Any:
    """Open a model that was checked; its bytes, so that no file beside it is found."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # The thread that calls; so there are none to pin, which fails noisily in containers.
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    # Its other format, which would be taken by its first bytes, is not checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if folded_path is not None:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folded_path)

    opened: Future[Any] = Future()

    def open_model() -> None:
        try:
            # Its fallback would try the same again, and print the error to standard output.
            session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors share no base class
            opened.set_exception(error)
        else:
            opened.set_result(session)

    # In a thread, so that Ctrl-C ends it too: ONNX Runtime computes constants, which may not end.
    threading.Thread(target=open_model, name="pawsight-opening", daemon=True).start()
    try:
        return opened.result(_OPENING_SECONDS)
    except TimeoutError as error:
        raise ModelError(f"It was not opened within {_OPENING_SECONDS:.0f} seconds.") from error
    except Exception as error:
        raise ModelError(f"It is refused: {first_line(error)}") from error


def open_session(path: Path, description: ModelDescription) -> Any:
    """Open a run's model.onnx, which must take and give what its description states.

    Raises:
        RunError: It is missing or damaged, could do more than compute, or is another model's.
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
            f"{path} is no model that ONNX Runtime can run. {error}\n"
            f"Train again, or copy the run folder again."
        ) from error
    images, logits = [None, *description.image_size, 3], [None, len(description.class_names)]
    # Other outputs are left alone: the shipped model gives its features too.
    outputs = [output for output in session.get_outputs() if output.name == "logits"]
    if not (
        _is_only(session.get_inputs(), "images", images) and _is_only(outputs, "logits", logits)
    ):
        height, width = description.image_size
        raise RunError(
            f"{path} does not take images of {height} x {width} pixels and give logits of "
            f"{logits[1]} classes, as model.json beside it states.\n"
            f"Train again, or copy the run folder again."
        )
    return session


def _is_only(found: list[Any], name: str, shape: list[int | None]) -> bool:
    """Return whether a model has just this input or output; a side that it leaves open fits any."""
    if len(found) != 1 or (found[0].name, found[0].type) != (name, "tensor(float)"):
        return False
    sides = found[0].shape or []
    return len(sides) == len(shape) and all(
        expected is None or not isinstance(side, int) or side == expected
        for side, expected in zip(sides, shape, strict=True)
    )

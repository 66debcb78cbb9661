"""An ONNX file that takes a photo of any size, with the resizing inside.

ONNX's Resize with antialiasing works on bytes as Pillow does. What is left between
the two is the decoder's own way with large photos, which it shrinks in steps, and
for "crop" where the edges fall between two pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pawsight.data.decoding.decode import PAD_COLOUR, decode
from pawsight.data.decoding.photo_file import read_photo
from pawsight.exporting.model_folder import ModelFolder
from pawsight.exporting.onnx_format import with_probabilities
from pawsight.inference.classifier import Classifier
from pawsight.models.onnx_session import new_session
from pawsight.records import FloatArray
from pawsight.storage.atomic import replacing

FILE = "photo.onnx"
SNIPPET = """\
{imports}import onnxruntime

class_names = {class_names!r}


{opening}

photo = open_photo("photo.jpg")
session = onnxruntime.InferenceSession("photo.onnx")
probabilities = session.run(["probabilities"], {{"photo": np.asarray(photo)[None]}})[0][0]
"""
# Of any probability: more than this, and resizing inside is not resizing as in training.
TOLERANCE = 0.05
_PHOTOS = 64
_OPSET = 18  # the first whose Resize has antialiasing


def add_any_size(
    model: ModelFolder, folder: Path, classifier: Classifier, paths: Sequence[Path]
) -> float | None:
    """Write `photo.onnx` beside `model.onnx` if its probabilities for whole photos are pawsight's.

    Args:
        model: The model.
        folder: Where to.
        classifier: The same model, to compare with.
        paths: Photos to compare on; up to 64 of them are.

    Returns:
        The largest difference of any probability; None if it was above `TOLERANCE`, or the
        network cannot be written so, and there is no such file.

    Raises:
        DiskError: The file cannot be written.
    """
    try:
        content = _with_resizing(model).SerializeToString()
        difference = _difference(new_session(content), classifier, paths)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - a network that opset 18 or this engine does not take so
        return None
    if not difference <= TOLERANCE:
        return None
    with replacing(folder / FILE) as temporary:
        temporary.write_bytes(content)
    return difference


def _difference(session: Any, classifier: Classifier, paths: Sequence[Path]) -> float:
    differences = []
    for path in paths[:: max(1, len(paths) // _PHOTOS)][:_PHOTOS]:
        (expected,) = classifier.predict(path)
        if expected.error:
            continue
        photo = np.asarray(decode(read_photo(path), scale=classifier.pixel_scale))[None]
        probabilities: FloatArray = session.run(["probabilities"], {"photo": photo})[0][0]
        probabilities_of_model = np.array(list(expected.probabilities.values()))
        differences.append(float(np.abs(probabilities - probabilities_of_model).max()))
    return max(differences, default=float("nan"))


def _with_resizing(model: ModelFolder) -> Any:
    """Return the network with the resizing before it: "photo", uint8 [1, any, any, 3]."""
    from onnx import TensorProto, helper, version_converter

    converted = version_converter.convert_version(with_probabilities(model), _OPSET)
    graph = _Steps()
    resized = {"stretch": _stretched, "crop": _cropped, "pad": _padded}[model.description.resize](
        graph, np.array(model.description.image_size, np.int64)
    )
    graph.add("Cast", resized, output="images", to=TensorProto.FLOAT)
    before = list(converted.graph.node)
    del converted.graph.node[:]
    converted.graph.node.extend([*graph.nodes, *before])
    converted.graph.initializer.extend(graph.constants)
    del converted.graph.input[:]
    shape = [1, "height", "width", 3]
    converted.graph.input.append(helper.make_tensor_value_info("photo", TensorProto.UINT8, shape))
    helper.set_model_props(converted, model.description.metadata() | {"input": '"photo"'})
    return converted


class _Steps:
    """Nodes and constants under names of their own."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        """Add a constant; returns its name."""
        from onnx import numpy_helper

        name = f"photo_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, output: str = "", **options: Any) -> str:
        """Add a node; returns the name of its output."""
        from onnx import helper

        output = output or f"photo_step_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **options))
        return output


def _stretched(graph: _Steps, size: Any) -> str:
    return _resized(graph, "photo", graph.constant(size))


def _padded(graph: _Steps, size: Any) -> str:
    sides = _sides(graph)
    scale = graph.add("ReduceMin", _divided(graph, graph.constant(size), sides), keepdims=1)
    inner = _rounded(graph, graph.add("Mul", _exact(graph, sides), scale))
    left = graph.add("Sub", graph.constant(size), inner)
    begin = graph.add("Div", left, graph.constant(np.int64(2)))
    end = graph.add("Sub", left, begin)
    zero = graph.constant(np.zeros(1, np.int64))
    pads = graph.add("Concat", zero, begin, zero, zero, end, zero, axis=0)
    grey = graph.constant(np.uint8(PAD_COLOUR[0]))
    return graph.add("Pad", _resized(graph, "photo", inner), pads, grey)


def _cropped(graph: _Steps, size: Any) -> str:
    # Whole pixels of the photo are cut off, not of what it is brought to: those are coarser.
    sides, target_size = _sides(graph), graph.constant(size)
    scale = graph.add("ReduceMax", _divided(graph, target_size, sides), keepdims=1)
    box = _rounded(graph, graph.add("Div", _exact(graph, target_size), scale))
    begin = graph.add("Div", graph.add("Sub", sides, box), graph.constant(np.int64(2)))
    end = graph.add("Add", begin, box)
    inside = graph.add("Slice", "photo", begin, end, graph.constant(np.array([1, 2])))
    return _resized(graph, inside, target_size)


def _sides(graph: _Steps) -> str:
    """Add the photo's (height, width)."""
    return graph.add("Gather", graph.add("Shape", "photo"), graph.constant(np.array([1, 2])))


def _divided(graph: _Steps, first: str, second: str) -> str:
    return graph.add("Div", _exact(graph, first), _exact(graph, second))


def _exact(graph: _Steps, sides: str) -> str:
    from onnx import TensorProto

    return graph.add("Cast", sides, to=TensorProto.DOUBLE)


def _rounded(graph: _Steps, sides: str) -> str:
    """Round to whole pixels, at least 1, as Python does."""
    from onnx import TensorProto

    whole = graph.add("Max", graph.add("Round", sides), graph.constant(np.ones(2)))
    return graph.add("Cast", whole, to=TensorProto.INT64)


def _resized(graph: _Steps, image: str, size: str) -> str:
    one, three = graph.constant(np.array([1])), graph.constant(np.array([3]))
    sizes = graph.add("Concat", one, size, three, axis=0)
    return graph.add("Resize", image, "", "", sizes, mode="linear", antialias=1)

"""Write an ONNX file that accepts a photo of any size, with the resizing inside.

ONNX's Resize with antialiasing computes on bytes what Pillow does. Two differences from
pawsight remain: its decoder shrinks large photos in steps, and for "crop" its edges may
lie between two pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pawsight.data.decoding.decode import PAD_COLOUR, decode
from pawsight.data.decoding.photo_file import read_photo
from pawsight.exporting.model_folder import ModelFolder
from pawsight.exporting.onnx_format import with_probabilities
from pawsight.inference.classifier import Classifier
from pawsight.models.onnx_session import new_session
from pawsight.records import FloatArray
from pawsight.storage.atomic import replacing

if TYPE_CHECKING:
    from pawsight.models.onnx_nodes import Nodes

FILE = "photo.onnx"
SNIPPET = """\
{imports}import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # so that ONNX Runtime sends no telemetry
import onnxruntime

class_names = {class_names!r}


{opening}

photo = open_photo("photo.jpg")
session = onnxruntime.InferenceSession("photo.onnx")
probabilities = session.run(["probabilities"], {{"photo": np.asarray(photo)[None]}})[0][0]
"""
# Largest accepted difference of any probability from pawsight's.
TOLERANCE = 0.05
_PHOTOS = 64
_OPSET = 18  # the first whose Resize has antialiasing


def add_any_size(
    model: ModelFolder, folder: Path, classifier: Classifier, paths: Sequence[Path]
) -> float | None:
    """Write `photo.onnx` if its probabilities for original photos agree with pawsight's.

    Args:
        model: The model.
        folder: The folder to write to.
        classifier: The same model in pawsight, to compare with.
        paths: Photos to compare on, of which up to 64 are used.

    Returns:
        The largest difference of any probability; None if the file was not written, since
        the difference is above `TOLERANCE` or opset 18 cannot express the network.

    Raises:
        DiskError: The file cannot be written.
    """
    try:
        content = _with_resizing(model).SerializeToString()
        difference = _difference(new_session(content), classifier, paths)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - the network cannot be converted, or not be run
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
    """Return the network with the resizing before it; input "photo", uint8 [1, any, any, 3]."""
    from onnx import TensorProto, helper, version_converter

    from pawsight.models.onnx_nodes import Nodes

    converted = version_converter.convert_version(with_probabilities(model), _OPSET)
    graph = Nodes("photo_")
    resized = {"stretch": _stretched, "crop": _cropped, "pad": _padded}[model.description.resize](
        graph, np.array(model.description.image_size, np.int64)
    )
    graph.add("Cast", resized, output="images", to=TensorProto.FLOAT)
    network_nodes = list(converted.graph.node)
    del converted.graph.node[:]
    converted.graph.node.extend([*graph.nodes, *network_nodes])
    converted.graph.initializer.extend(graph.constants)
    del converted.graph.input[:]
    shape = [1, "height", "width", 3]
    converted.graph.input.append(helper.make_tensor_value_info("photo", TensorProto.UINT8, shape))
    helper.set_model_props(converted, model.description.metadata() | {"input": '"photo"'})
    return converted


def _stretched(graph: Nodes, size: Any) -> str:
    return _resized(graph, "photo", graph.exact(size))


def _padded(graph: Nodes, size: Any) -> str:
    sides = _sides(graph)
    scale = graph.add("ReduceMin", _divided(graph, graph.exact(size), sides), keepdims=1)
    inner = _rounded(graph, graph.add("Mul", _as_double(graph, sides), scale))
    left = graph.add("Sub", graph.exact(size), inner)
    begin = graph.add("Div", left, graph.exact(np.int64(2)))
    end = graph.add("Sub", left, begin)
    zero = graph.exact(np.zeros(1, np.int64))
    pads = graph.add("Concat", zero, begin, zero, zero, end, zero, axis=0)
    grey = graph.exact(np.uint8(PAD_COLOUR[0]))
    return graph.add("Pad", _resized(graph, "photo", inner), pads, grey)


def _cropped(graph: Nodes, size: Any) -> str:
    # Cropped before resizing, where pixels are finer.
    sides, target_size = _sides(graph), graph.exact(size)
    scale = graph.add("ReduceMax", _divided(graph, target_size, sides), keepdims=1)
    box = _rounded(graph, graph.add("Div", _as_double(graph, target_size), scale))
    begin = graph.add("Div", graph.add("Sub", sides, box), graph.exact(np.int64(2)))
    end = graph.add("Add", begin, box)
    inside = graph.add("Slice", "photo", begin, end, graph.exact(np.array([1, 2])))
    return _resized(graph, inside, target_size)


def _sides(graph: Nodes) -> str:
    """Add the photo's (height, width), int64."""
    return graph.add("Gather", graph.add("Shape", "photo"), graph.exact(np.array([1, 2])))


def _divided(graph: Nodes, first: str, second: str) -> str:
    return graph.add("Div", _as_double(graph, first), _as_double(graph, second))


def _as_double(graph: Nodes, sides: str) -> str:
    from onnx import TensorProto

    return graph.add("Cast", sides, to=TensorProto.DOUBLE)


def _rounded(graph: Nodes, sides: str) -> str:
    """Round to whole pixels, at least 1, half to even as Python does."""
    from onnx import TensorProto

    whole = graph.add("Max", graph.add("Round", sides), graph.exact(np.ones(2)))
    return graph.add("Cast", whole, to=TensorProto.INT64)


def _resized(graph: Nodes, image: str, size: str) -> str:
    one, three = graph.exact(np.array([1])), graph.exact(np.array([3]))
    sizes = graph.add("Concat", one, size, three, axis=0)
    return graph.add("Resize", image, "", "", sizes, mode="linear", antialias=1)

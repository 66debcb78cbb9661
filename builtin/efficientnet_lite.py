"""EfficientNet-Lite as a list of convolutions, its weights from a PyTorch checkpoint.

Batch normalisation is folded into the convolution before it.
Source: arXiv:1905.11946 and tensorflow/tpu, models/official/efficientnet/lite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_EPSILON = 1e-3
# Of each stage: its blocks in Lite0, and the stride of its first block.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
DEPTH = 1.2  # Lite2: so many times as many blocks in a stage, rounded up


@dataclass(frozen=True)
class Convolution:
    """A convolution with the normalisation after it folded in.

    Attributes:
        name: Its name in the graph.
        kernel: float32 [out, in / groups, height, width].
        bias: float32 [out].
        stride: In both directions, pixels.
        is_depthwise: Each channel is convolved alone.
        is_activated: ReLU6 follows.
    """

    name: str
    kernel: np.ndarray
    bias: np.ndarray
    stride: int = 1
    is_depthwise: bool = False
    is_activated: bool = True


def blocks(arrays: Mapping[str, np.ndarray], depth: float = DEPTH) -> list[list[Convolution]]:
    """Give the network as blocks of convolutions, from the images to the features.

    A block of several convolutions whose input and output have one shape has a shortcut.
    """
    found = [[_folded(arrays, "stem", "_conv_stem", "_bn0", stride=2)]]
    index = 0
    for stage, (repeats, stride) in enumerate(_STAGES):
        # The first and last stage are as deep in every size of the network.
        is_fixed = stage in (0, len(_STAGES) - 1)
        for repeat in range(repeats if is_fixed else int(np.ceil(repeats * depth))):
            found.append(_block(arrays, index, stride if repeat == 0 else 1))
            index += 1
    if f"_blocks.{index}._bn1.weight" in arrays:
        raise ValueError(f"the checkpoint has more than {index} blocks: it is of another depth")
    found.append([_folded(arrays, "top", "_conv_head", "_bn1")])
    return found


def _block(arrays: Mapping[str, np.ndarray], index: int, stride: int) -> list[Convolution]:
    old, new = f"_blocks.{index}.", f"block{index}_"
    found = []
    if f"{old}_expand_conv.weight" in arrays:
        found.append(_folded(arrays, f"{new}expand", f"{old}_expand_conv", f"{old}_bn0"))
    found.append(
        _folded(arrays, f"{new}depthwise", f"{old}_depthwise_conv", f"{old}_bn1", stride, True)
    )
    found.append(
        _folded(arrays, f"{new}project", f"{old}_project_conv", f"{old}_bn2", is_activated=False)
    )
    return found


def _folded(
    arrays: Mapping[str, np.ndarray],
    name: str,
    convolution: str,
    normalisation: str,
    stride: int = 1,
    is_depthwise: bool = False,
    is_activated: bool = True,
) -> Convolution:
    gain, shift, mean, variance = (
        arrays[f"{normalisation}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / np.sqrt(variance + _EPSILON)
    kernel = (arrays[f"{convolution}.weight"] * scale[:, None, None, None]).astype(np.float32)
    bias = (shift - mean * scale).astype(np.float32)
    return Convolution(name, kernel, bias, stride, is_depthwise, is_activated)

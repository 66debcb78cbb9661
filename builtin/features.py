"""What a network gives for many photos, kept on disk in portions so that a stopped run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx.utils import Extractor

from pawsight.machine import num_cpus
from pawsight.records import ImageArray

_BATCH = 16
_PORTION = 1024  # photos a file


def session(model: onnx.ModelProto, output: str) -> onnxruntime.InferenceSession:
    """Open a network that need not be stored, as far as one of its tensors."""
    described = onnx.shape_inference.infer_shapes(model)
    part = Extractor(described).extract_model(["images"], [output])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_cpus()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        part.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def features(
    network: onnxruntime.InferenceSession,
    paths: Sequence[Path],
    pixels_of: Callable[[int, bytes], ImageArray],
    folder: Path,
) -> np.ndarray:
    """Compute features of photos, or load those that are in the folder already.

    Args:
        network: Of `session`.
        paths: The photos.
        pixels_of: Its number and bytes to its pixels [H, W, 3].
        folder: Of this network, these photos and these pixels alone.

    Returns:
        float16 [N, ...].
    """
    folder.mkdir(parents=True, exist_ok=True)
    portions = []
    for start in range(0, len(paths), _PORTION):
        path = folder / f"{start:06}.npy"
        if not path.is_file():
            chosen = range(start, min(start + _PORTION, len(paths)))
            partial = path.with_suffix(".partial.npy")
            np.save(partial, np.concatenate(list(_of(network, paths, pixels_of, chosen))))
            partial.replace(path)
            print(f"  {folder.name}: {chosen.stop:,} of {len(paths):,} photos", flush=True)
        portions.append(np.load(path))
    return np.concatenate(portions)


def _of(
    network: onnxruntime.InferenceSession,
    paths: Sequence[Path],
    pixels_of: Callable[[int, bytes], ImageArray],
    chosen: range,
) -> Iterator[np.ndarray]:
    def pixels(number: int) -> ImageArray:
        return pixels_of(number, paths[number].read_bytes())

    with ThreadPoolExecutor(num_cpus()) as pool:
        decoded = pool.map(pixels, chosen)
        for start in range(0, len(chosen), _BATCH):
            count = min(_BATCH, len(chosen) - start)
            images = np.stack([next(decoded) for _ in range(count)]).astype(np.float32)
            # Half precision: 1e-3 of a feature is nothing to what follows, and half on disk.
            yield network.run(None, {"images": images})[0].astype(np.float16)

"""A trained model at work: photos in, class probabilities out.

Pillow, NumPy and ONNX Runtime only, so predicting needs no TensorFlow. The
photos come through the same decoder as in training, and the names, sizes and
the calibration come from `model.json`, which is data: a hostile run folder can
fail to load, and can do nothing else.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias, cast

import numpy as np

from pawsight.errors import PhotoError, RunError, ShapeError
from pawsight.inference.description import load_description
from pawsight.inference.photos import PhotoLike, file_bytes, name_of
from pawsight.inference.session import first_line, open_session
from pawsight.machine import num_cpus
from pawsight.probabilities import softmax
from pawsight.records import FloatArray, ImageArray, Prediction, Resize
from pawsight.runs import Run

# A photo on its way, and its pixels once a thread has decoded them; None: nothing to decode.
_Job: TypeAlias = "tuple[PhotoLike, Future[ImageArray] | None]"

# What one call of the model is given at most: more gains nothing and costs memory.
_MODEL_BATCH = 32


class Classifier:
    """A trained model, ready to look at photos.

    Many threads may use one classifier. It can be pickled: what is unpickled
    opens the same run folder again.

    Example:
        classifier = Classifier.load("runs/cats")
        for prediction in classifier.predict(["tom.jpg", "rex.jpg"]):
            print(prediction.label, prediction.probability)
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._description = load_description(run)
        self._session = open_session(run.onnx_path, self._description)

    @classmethod
    def load(cls, run: str | os.PathLike[str] | Run) -> Classifier:
        """Load the model of a run.

        Args:
            run: The run folder, by path or opened.

        Raises:
            RunError: There is no finished model in it, or it is damaged, or a
                newer pawsight wrote it.
        """
        return cls(run if isinstance(run, Run) else Run.open(run))

    @property
    def class_names(self) -> tuple[str, ...]:
        """`class_names[i]` is class i, length K."""
        return self._description.class_names

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the pixels the model works on."""
        return self._description.image_size

    @property
    def temperature(self) -> float:
        """What the logits are divided by before they become probabilities; above 0."""
        return self._description.temperature

    @property
    def resize(self) -> Resize:
        """How a photo of another shape is brought to `image_size`."""
        return self._description.resize

    def logits(self, images: ImageArray) -> FloatArray:
        """Run the model.

        Args:
            images: uint8, shape [N, H, W, 3] with (H, W) the model's image
                size; N may be 0.

        Returns:
            float32, shape [N, K], one column per class.

        Raises:
            ShapeError: The images are of another shape or type.
            RunError: The model gave something that is no logits.
        """
        expected = (*self.image_size, 3)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != expected:
            raise ShapeError(
                f"The model takes uint8 images of shape [N, {expected[0]}, {expected[1]}, 3], "
                f"not {images.dtype} of shape {list(images.shape)}."
            )
        batches = [
            self._run_model(images[start : start + _MODEL_BATCH])
            for start in range(0, len(images), _MODEL_BATCH)
        ]
        return np.concatenate(batches) if batches else np.empty((0, len(self.class_names)), "f4")

    def probs(self, images: ImageArray) -> FloatArray:
        """Run the model and calibrate: shape [N, K], each row sums to 1.

        Takes and raises the same as `logits`.
        """
        return softmax(self.logits(images), self.temperature)

    def predict(self, photos: PhotoLike | Iterable[PhotoLike]) -> list[Prediction]:
        """Classify one photo or many.

        Args:
            photos: A path, the bytes of a photo file, a Pillow image, or uint8
                pixels [H, W, 3] of any size; or an iterable of such.

        Returns:
            One prediction per photo, in their order. A photo that cannot be
            read gives one that says why in `error`.

        Raises:
            ShapeError: An array is no picture.
        """
        from PIL.Image import Image

        one = (str, os.PathLike, bytes, Image, Prediction)
        is_one = isinstance(photos, one) or (isinstance(photos, np.ndarray) and photos.ndim == 3)
        many = [photos] if is_one else photos
        return list(self.predict_iter(cast("Iterable[PhotoLike]", many)))

    def predict_iter(
        self, photos: Iterable[PhotoLike], batch_size: int = _MODEL_BATCH
    ) -> Iterator[Prediction]:
        """Classify a stream of photos, in order, with a bounded number in memory.

        A few threads decode the next photos while the model looks at these.

        Args:
            photos: As for `predict`; taken as they are needed, two batches
                ahead at most.
            batch_size: Photos per call of the model, at least 1.
        """
        upcoming = iter(photos)
        waiting: deque[_Job] = deque()
        pool = ThreadPoolExecutor(min(4, num_cpus()), thread_name_prefix="decode")
        try:
            while True:
                for photo in itertools.islice(upcoming, 2 * batch_size - len(waiting)):
                    is_decided = isinstance(photo, Prediction)
                    future = None if is_decided else pool.submit(self._pixels, photo)
                    waiting.append((photo, future))
                if not waiting:
                    return
                count = min(batch_size, len(waiting))
                yield from self._predict_batch([waiting.popleft() for _ in range(count)])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _predict_batch(self, batch: Sequence[_Job]) -> list[Prediction]:
        images: list[ImageArray] = []
        rows: list[Prediction | str] = []  # a prediction, or the path of the next image
        for photo, future in batch:
            if isinstance(photo, Prediction) or future is None:
                rows.append(cast(Prediction, photo))
                continue
            try:
                images.append(future.result())
                rows.append(name_of(photo))
            except PhotoError as error:
                rows.append(Prediction(name_of(photo), error=str(error)))
        probs = iter(self.probs(np.stack(images)) if images else ())
        return [self._prediction(row, next(probs)) if isinstance(row, str) else row for row in rows]

    def _prediction(self, path: str, probs: FloatArray) -> Prediction:
        best = int(probs.argmax())  # a tie goes to the lower class index
        by_class = dict(zip(self.class_names, map(float, probs), strict=True))
        return Prediction(path, self.class_names[best], float(probs[best]), by_class)

    def _pixels(self, photo: PhotoLike) -> ImageArray:
        # Imported here: what only loads a model, or has pixels already, needs no decoder.
        from pawsight.pictures.decoding.decode import load_pixels

        return load_pixels(file_bytes(photo), self.image_size, self.resize)

    def _run_model(self, images: ImageArray) -> FloatArray:
        try:
            logits = self._session.run(["logits"], {"images": images.astype(np.float32)})[0]
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise RunError(
                f"{self._run.onnx_path} failed on a photo ({first_line(error)}); "
                f"the model is damaged.\nTrain again, or copy the run folder anew."
            ) from error
        expected = (len(images), len(self.class_names))
        if logits.shape != expected or not np.isfinite(logits).all():
            raise RunError(
                f"{self._run.onnx_path} gave something that is no logits of "
                f"{expected[1]} classes; the model is damaged.\n"
                f"Train again, or copy the run folder anew."
            )
        return np.asarray(logits, np.float32)

    def __getstate__(self) -> dict[str, str]:
        return {"path": str(self._run.path.absolute())}

    def __setstate__(self, state: dict[str, str]) -> None:
        self.__init__(Run.open(state["path"]))  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"Classifier({str(self._run.path)!r}, class_names={list(self.class_names)})"

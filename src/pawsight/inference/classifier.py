"""Predict with a trained model: photos in, class probabilities out.

Needs only Pillow, NumPy and ONNX Runtime, no TensorFlow. Photos are decoded as in training; class
names, image size and calibration come from `model.json`, which is plain data: loading a malicious
run folder can fail, but cannot execute anything.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
import os
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from pawsight.data.pixel_scale import PixelScale
from pawsight.errors import RunError, ShapeError
from pawsight.inference.answers import answer_of, choose_threshold
from pawsight.inference.drift import DriftMonitor
from pawsight.inference.heat_map import HeatMap, heat_map
from pawsight.inference.model_runner import ModelRunner
from pawsight.inference.ood_score import OutOfDistributionScorer
from pawsight.inference.ordered_predictions import predict_in_order
from pawsight.inference.photo_decoder import PhotoDecoder, num_processes_for
from pawsight.inference.photo_inputs import PhotoLike, PhotoOrResult, as_photos, read_opened
from pawsight.machine import num_cpus
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.records import FloatArray, ImageArray, Prediction, PredictionList, Resize
from pawsight.runs import Run

# Images per call of the model. More do not fit into a core's cache; with fewer, the weights of
# large layers are read more often.
_BATCH_SIZE = 4


class Classifier:
    """A trained model, to predict with.

    Many threads may use one classifier. It can be pickled; unpickling loads
    the same run folder again.

    Example:
        classifier = Classifier.load("runs/cats")
        for prediction in classifier.predict(["tom.jpg", "rex.jpg"]):
            print(prediction.label, prediction.probability)
    """

    def __init__(self, run: Run, max_error: float | None = None) -> None:
        self._run = run
        self._max_error = max_error
        self._description = ModelDescription.load(run)
        self.task = self._description.labelling
        self.answer_threshold = choose_threshold(
            self._description.operating_points, max_error, self.task
        )
        self._runner = ModelRunner(run, self._description, run.out_of_distribution_path.is_file())
        self._scorer = OutOfDistributionScorer.of(run, self._runner.gives_features)

    @classmethod
    def load(cls, run: str | os.PathLike[str] | Run, max_error: float | None = None) -> Classifier:
        """Load the model of a run.

        Args:
            run: The run folder, by path or opened.
            max_error: Upper bound of the share of wrong answers, with 95 % confidence for
                photos like the training set; less probable predictions are answered
                "unsure". None takes the lowest proven rate with answers to 80 % of the
                photos; see `answers.choose_threshold`.

        Raises:
            RunError: The folder has no finished model, the model is damaged, or a
                newer pawsight wrote it.
            ConfigError: `max_error` is out of range, or not proven for this model.
        """
        return cls(run if isinstance(run, Run) else Run.open(run), max_error)

    @property
    def class_names(self) -> tuple[str, ...]:
        """`class_names[i]` is class i, length K."""
        return self._description.class_names

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels of the model's input."""
        return self._description.image_size

    @property
    def temperature(self) -> float:
        """The divisor of the logits before the softmax or sigmoid; above 0."""
        return self._description.temperature

    @property
    def resize(self) -> Resize:
        """How photos are resized to `image_size`."""
        return self._description.resize

    @property
    def pixel_scale(self) -> PixelScale:
        """How values of more than 8 bits become pixels."""
        return self._description.pixel_scale

    def logits(self, images: ImageArray) -> FloatArray:
        """Run the model on images, on all cores.

        Args:
            images: uint8, shape [N, H, W, 3] with (H, W) the model's image size; N may be 0.

        Returns:
            float32, shape [N, K]. The logits of an image do not depend on the other images.

        Raises:
            ShapeError: The images have another shape or type.
            RunError: The model is damaged, or took too long.
        """
        expected = (*self.image_size, 3)
        if images.dtype != np.uint8 or images.shape[1:] != expected:
            raise ShapeError(
                f"The model takes uint8 images of shape [N, {expected[0]}, {expected[1]}, 3], "
                f"not {images.dtype} of shape {list(images.shape)}."
            )
        num_threads = num_cpus()
        size = max(1, min(_BATCH_SIZE, math.ceil(len(images) / num_threads)))
        batches = [images[start : start + size] for start in range(0, len(images), size)]
        if len(batches) < 2:
            return self._runner.run(images)[0]
        with ThreadPoolExecutor(num_threads, thread_name_prefix="pawsight-model") as pool:
            outputs = pool.map(self._runner.run, batches)
            return np.concatenate([logits for logits, _ in outputs])

    def probs(self, images: ImageArray, tta: bool = False) -> FloatArray:
        """Compute calibrated probabilities: shape [N, K]; rows of single-label models sum to 1.

        Images and errors are those of `logits`. With `tta` (test-time augmentation), the
        probabilities of each image and its mirror image are averaged, in twice the time.
        """
        return self._mean_probs(self.logits(view) for view in self._views(images, tta))

    def predict(self, photos: PhotoLike | Iterable[PhotoLike], tta: bool = False) -> PredictionList:
        """Classify one photo or many.

        Args:
            photos: A path, the bytes of a photo file, a file opened in binary mode (also
                `io.BytesIO` and uploads), a Pillow image, or uint8 pixels [H, W, 3] of any size;
                or an iterable of these.
            tta: Average the predictions of each photo and its mirror image.

        Returns:
            A prediction for each photo, in order; notebooks display the list as a table. The
            prediction of a photo that cannot be read has the reason in `error`.

        Raises:
            ShapeError: An array is not an image.
            InputTypeError: An object of another type; also a TypeError.
        """
        return PredictionList(self.predict_iter(as_photos(photos), tta=tta))

    def predict_iter(
        self,
        photos: Iterable[PhotoOrResult],
        batch_size: int = _BATCH_SIZE,
        tta: bool = False,
        decoder: PhotoDecoder | None = None,
    ) -> Generator[Prediction]:
        """Classify a stream of photos, in order, with a bounded number in memory.

        Each core decodes photos and runs the model on them. Predictions are yielded as soon as
        they are ready, also while the stream waits for its next photo. Photos are decoded in worker
        processes, except those of a list of at most 64 photos per core: a photo that crashes the
        decoder, or takes all memory, has the reason in `error`.

        Args:
            photos: As for `predict`. Another thread reads them, at most 4 batches per core ahead.
            batch_size: Photos per call of the model, at least 1.
            tta: As for `predict`.
            decoder: Decodes the photos, and is not closed; None opens a decoder for this call.
        """
        with contextlib.ExitStack() as stack:
            if decoder is None:
                decoder = self.open_decoder(num_processes_for(photos))
                stack.callback(decoder.close)
            yield from predict_in_order(
                read_opened(photos),
                decode=decoder.decode,
                predict=functools.partial(self.predictions_of, tta=tta),
                num_threads=num_cpus(),
                batch_size=batch_size,
            )

    def drift_monitor(self) -> DriftMonitor:
        """Return a new monitor that tests whether photos differ from the validation photos."""
        scorer = self._scorer
        return DriftMonitor(scorer.drift_reference if scorer else None, self.class_names)

    @functools.cached_property
    def fingerprint(self) -> str:
        """64 hexadecimal digits; classifiers with equal fingerprints give equal answers."""
        from pawsight.data.decoding.decode import VERSION

        digest = hashlib.sha256(f"{VERSION} {self._description.decisive()}".encode())
        try:
            digest.update(self._run.onnx_path.read_bytes())
            if self._scorer is not None:
                digest.update(self._run.out_of_distribution_path.read_bytes())
        except OSError as error:
            raise RunError(
                f"{self._run.onnx_path} cannot be read any more: {error.strerror}.\n"
                f"Copy the run folder again."
            ) from error
        return digest.hexdigest()

    def predictions_of(
        self, names: Sequence[str], pixels: Sequence[ImageArray], tta: bool = False
    ) -> list[Prediction]:
        """Classify decoded photos in the calling thread.

        Args:
            names: The names of the photos, length N, at least 1.
            pixels: The photos, uint8 [H, W, 3] each, of the model's image size; few at a time,
                since one core processes all of them.
            tta: As for `predict`.
        """
        # Not by `probs`, which uses all cores: here, each core has its own photos.
        images = np.stack(pixels)
        outputs = [self._runner.run(view) for view in self._views(images, tta)]
        probs = self._mean_probs(logits for logits, _ in outputs)
        scores = self._ood_scores(images, outputs[0][1])
        return [self._prediction(*row) for row in zip(names, probs, scores, strict=True)]

    def heat_map(self, photo: PhotoLike, label: str | None = None) -> HeatMap:
        """Compute which parts of a photo the probability of a class depends on.

        Args:
            photo: A single photo, as for `predict`.
            label: The class; None is the predicted class.

        Raises:
            PhotoError: The photo cannot be read.
            ConfigError: The model has no such class.
        """
        return heat_map(self.probs, self.class_names, self.open_decoder().decode(photo), label)

    def _views(self, images: ImageArray, tta: bool) -> list[ImageArray]:
        if tta and not self._description.is_mirrored:  # then the network averages
            return [images, images[:, :, ::-1]]
        return [images]

    def _mean_probs(self, logits: Iterable[FloatArray]) -> FloatArray:
        """Return the probabilities, averaged over views of the same images."""
        probs = [self.task.probabilities(one, self.temperature) for one in logits]
        return np.asarray(np.mean(probs, axis=0))

    def _ood_scores(self, images: ImageArray, features: FloatArray | None) -> list[float | None]:
        """Return the out-of-distribution score of each image; None without a detector."""
        if self._scorer is None:
            return [None] * len(images)
        scores = self._scorer.scores(self._runner.as_floats(images), features)
        return [float(score) for score in scores]

    def _prediction(self, path: str, probs: FloatArray, ood_score: float | None) -> Prediction:
        label, probability, labels = self.task.describe(probs, self.class_names)
        by_class = dict(zip(self.class_names, map(float, probs), strict=True))
        answer = answer_of(label, probability, ood_score, self.answer_threshold)
        return Prediction(path, label, probability, by_class, "", answer, ood_score, labels)

    def open_decoder(self, num_processes: int = 0) -> PhotoDecoder:
        """Return a decoder of photos for this model; see `PhotoDecoder` for `num_processes`."""
        return PhotoDecoder(self.image_size, self.resize, self.pixel_scale, num_processes)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": str(self._run.path.absolute()), "max_error": self._max_error}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(Run.open(state["path"]), state["max_error"])  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"Classifier({str(self._run.path)!r}, class_names={list(self.class_names)})"


def load(
    run_path: str | os.PathLike[str] | Run | None = None, max_error: float | None = None
) -> Classifier:
    """Load a classifier, without TensorFlow; see `Classifier.predict`.

    Args:
        run_path: A finished run, by path or opened. None loads the model of cats
            and dogs that ships with pawsight.
        max_error: See `Classifier.load`.

    Raises:
        RunError: The folder has no finished model, or the model is damaged.
        ConfigError: `max_error` is out of range, or not proven for this model.
    """
    return Classifier.load(builtin.folder() if run_path is None else run_path, max_error)

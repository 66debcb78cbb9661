"""Verify a finished run: compare its checksums, and compute its numbers again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from pawsight.checksums import all_files, load_checksums, name_of
from pawsight.class_weights import is_imbalanced
from pawsight.data.catalog import Catalog
from pawsight.data.reading.resized import at_size
from pawsight.errors import DataError, PawsightError, RunError, SourceError
from pawsight.evaluation.curve_records import load_curves
from pawsight.evaluation.metrics import curves, measure
from pawsight.evaluation.predictions import collect, load_predictions
from pawsight.evaluation.results import Evaluation
from pawsight.formatting import counted, listed, resume_command
from pawsight.inference.classifier import Classifier
from pawsight.models.description import ModelDescription
from pawsight.models.onnx_check import TOLERANCE
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.records import Part, Predictions
from pawsight.runs import Run
from pawsight.storage.checksum import file_digest
from pawsight.workflow.number_differences import differences
from pawsight.workflow.photo_sets import Source
from pawsight.workflow.run_photos import changed_photos, photos_of

_MAX_NAMED = 5  # differences of one file


@dataclasses.dataclass(frozen=True, slots=True)
class Verification:
    """The result of `verify`.

    Attributes:
        path: The run folder; for a run at an address, its working folder in the cache.
        num_files: The number of files that were compared with their checksums.
        num_measured: The number of saved predictions from which metrics were computed again.
        num_predicted: The number of photos that were predicted again; 0 if they are not available.
        largest_difference: The largest difference of a probability from its saved value.
        problems: A sentence for each check that failed.
        notes: A sentence for each check that was not possible.
        address: The address of the run; None for a folder.
    """

    path: Path
    num_files: int
    num_measured: int
    num_predicted: int
    largest_difference: float
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    address: str | None = None

    @property
    def holds(self) -> bool:
        """Whether no check failed."""
        return not self.problems


@live_in_notebooks
def verify(
    run_path: Source | Run,
    photos: Source | None = None,
    progress: Progress = SILENT,
    allow_missing: bool = False,
) -> Verification:
    """Compute the checksums and metrics of a finished run again, and compare them.

    If the photos are available, the predictions are computed again, too. Changes nothing.

    Args:
        run_path: The run folder, by path or opened; for a folder `model` alone, only the
            checksums of the model are compared.
        photos: Where the run's photos are now; None: the folder that config.json names, if it
            exists.
        progress: Receives every stage.
        allow_missing: Continue without photos that could not be copied from an address.

    Raises:
        RunError: There is no run at `run_path`, or it is not finished.
        SourceError, DataError: `photos` cannot be used, or are not the photos of the run.
    """
    run = Run.open(run_path, is_whole=True)
    verifier = _RunVerifier(run)
    verifier.attempt(verifier.check_state)
    verifier.attempt(verifier.check_files)
    verifier.attempt(verifier.check_model)
    if run.config_path.is_file() or run.metrics_path.is_file():
        verifier.attempt(verifier.check_metrics)
        verifier.check_predictions(photos, progress, allow_missing)
    return verifier.result()


class _RunVerifier:
    """The checks of a run, with their results."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._problems: list[str] = []
        self._notes: list[str] = []
        self._saved: dict[Part, Predictions] = {}
        self._num_files = self._num_predicted = 0
        self._largest_difference = 0.0

    def attempt(self, check: Callable[[], None]) -> None:
        """Run a check; an error that it raises is added to the problems."""
        try:
            check()
        except _NotFinishedError:
            raise
        except PawsightError as error:
            self._problems.append(str(error))
        except OSError as error:
            self._problems.append(f"{error.filename} cannot be read: {error.strerror}.")

    def check_state(self) -> None:
        """Check that the run is finished; raises RunError."""
        run = self._run
        if not run.config_path.is_file():
            self._notes.append("This is a model without its run: there are no metrics to check.")
        elif not run.is_complete and not run.checksums_path.is_file():
            raise _NotFinishedError(
                f"The run {run.place} is not finished.\nContinue with: {resume_command(run.place)}"
            )
        elif not run.is_complete:
            self._problems.append(f"{run.state_path} is missing, or damaged.")

    def check_files(self) -> None:
        """Compare all files with checksums.json."""
        run = self._run
        checksums = load_checksums(run)
        present = {name_of(run, path): path for path in all_files(run)}
        if checksums is None:
            if run.config_path.is_file():
                self._notes.append("An earlier version made this run: its files have no checksums.")
            return
        for name, checksum in checksums.items():
            self.attempt(partial(self._check_file, name, present.get(name), checksum))
        self._problems += [f"{name} has no checksum." for name in present if name not in checksums]
        self._num_files = len(checksums)

    def _check_file(self, name: str, path: Path | None, checksum: str) -> None:
        if path is None:
            self._problems.append(f"{name} is missing.")
        elif file_digest(path) != checksum:
            self._problems.append(f"{name} is not what was written: its checksum differs.")

    def check_model(self) -> None:
        """Compare weights and ONNX file with model.json, and load the model."""
        run, description = self._run, ModelDescription.load(self._run)
        files = {path.name: path for path in (run.weights_path, run.onnx_path)}
        for name in description.sha256:
            if name in files:
                description.check(files[name], files[name].read_bytes())
        self._num_files = self._num_files or len(description.sha256)
        Classifier.load(run)

    def check_metrics(self) -> None:
        """Compute the metrics and curves again from the saved predictions."""
        run = self._run
        saved = Evaluation.load(run)
        description = ModelDescription.load(run)
        task = description.labelling
        if saved.temperature != description.temperature:
            self._problems.append("The temperature in metrics.json is not that of model.json.")
        catalog = Catalog.load(run.catalog_path, Path(), task)
        trained_on = catalog.labels(catalog.part("train"))
        imbalanced = is_imbalanced(task.counts(trained_on, len(catalog.class_names)).tolist())
        lost = {photo.path for photo in saved.lost}
        for part in saved.parts:
            predictions = load_predictions(run.predictions_path(part), task)
            self._saved[part] = predictions
            self._compare_photos(part, predictions, catalog, lost)
            measures = {part: measure(predictions, imbalanced)}
            measured = Evaluation(headline=part, parts=measures).to_json()
            self._report(
                run.metrics_path,
                differences(run.metrics["parts"][part], measured["parts"][part], f"{part}."),
            )
        self._check_curves()

    def _check_curves(self) -> None:
        for part, saved in load_curves(self._run).items():
            if part not in self._saved:
                self._problems.append(f"curves.json has a part without predictions: {part}.")
                continue
            computed = curves(self._saved[part])
            dumped, dumped_again = (
                {name: curve.model_dump() for name, curve in by_name.items()}
                for by_name in (saved, computed)
            )
            self._report(self._run.curves_path, differences(dumped, dumped_again, f"{part}."))

    def _compare_photos(
        self, part: Part, predictions: Predictions, catalog: Catalog, lost: set[str]
    ) -> None:
        """Compare the photos and classes of predictions with the catalog."""
        chosen = [catalog.photos[i] for i in catalog.part(part)]
        expected = {photo.path: photo.label for photo in chosen if photo.path not in lost}
        truths = predictions.task.texts(predictions.labels, predictions.class_names)
        if dict(zip(predictions.paths, truths, strict=True)) != expected:
            name = self._run.predictions_path(part).name
            self._problems.append(f"{name} has other photos or classes than catalog.csv.")

    def check_predictions(
        self, photos: Source | None, progress: Progress, allow_missing: bool
    ) -> None:
        """Predict the photos of each part again, where they are available."""
        is_named = photos is not None
        try:
            photos = photos or _available_photos(self._run)
            if photos is None:
                self._notes.append(
                    "The photos are no longer where they were, so the predictions were not "
                    "computed again; give their new place with --photos SOURCE."
                )
            else:
                self._predict(photos, is_named, progress, allow_missing)
        except RunError as error:  # of a damaged file of the run
            self._problems.append(str(error))
        except (DataError, SourceError) as error:
            if is_named and not self._problems:
                raise
            self._notes.append(f"The predictions were not computed again: {error}")

    def _predict(
        self, photos: Source, is_named: bool, progress: Progress, allow_missing: bool
    ) -> None:
        catalog, pixels = photos_of(self._run, progress, photos, allow_missing=allow_missing)
        changed = changed_photos(catalog, progress) if is_named else []
        if changed:
            self._problems.append(
                f"{counted(len(changed), 'photo')} in {catalog.root} changed without a change of "
                f"size and time: {listed(changed, _MAX_NAMED)}"
            )
        classifier = Classifier.load(self._run)
        pixels = at_size(pixels, classifier.image_size)
        for part, saved in self._saved.items():
            if not len(catalog.part(part)):
                self._notes.append(f"All {part} photos are missing, and were not predicted again.")
                continue
            collected = collect(classifier.logits, pixels, catalog, part, progress)
            probs = classifier.task.probabilities(collected.probs, classifier.temperature)
            self._compare_predictions(part, dataclasses.replace(collected, probs=probs), saved)

    def _compare_predictions(self, part: Part, again: Predictions, saved: Predictions) -> None:
        rows = {path: i for i, path in enumerate(saved.paths)}
        both = [(i, rows[path]) for i, path in enumerate(again.paths) if path in rows]
        if again.class_names != saved.class_names or not both:
            self._problems.append(f"The predictions of the {part} part are of other photos.")
            return
        rows_again, rows_saved = map(list, zip(*both, strict=True))
        difference = float(np.abs(again.probs[rows_again] - saved.probs[rows_saved]).max())
        self._num_predicted += len(both)
        if missing := len(saved.paths) - len(both):
            photos_are = counted(missing, f"{part} photo is", f"{part} photos are")
            self._notes.append(f"{photos_are} missing, and not predicted again.")
        self._largest_difference = max(self._largest_difference, difference)
        if not difference <= TOLERANCE:
            self._problems.append(
                f"The model gives other probabilities for the {part} photos than were saved: they "
                f"differ by up to {difference:.2g}, where {TOLERANCE:g} is allowed."
            )

    def _report(self, path: Path, differences: Iterator[str]) -> None:
        sentences = list(differences)
        if sentences:
            named = listed(sentences, _MAX_NAMED, "; ")
            self._problems.append(f"{path.name} disagrees with the saved predictions: {named}.")

    def result(self) -> Verification:
        """Return the results of all checks."""
        return Verification(
            path=self._run.path,
            num_files=self._num_files,
            num_measured=sum(len(saved.paths) for saved in self._saved.values()),
            num_predicted=self._num_predicted,
            largest_difference=self._largest_difference,
            problems=tuple(dict.fromkeys(self._problems)),  # several checks read the same files
            notes=tuple(self._notes),
            address=self._run.mirror.address if self._run.mirror else None,
        )


class _NotFinishedError(RunError):
    """There is nothing to verify yet."""


def _available_photos(run: Run) -> Source | None:
    """Return the source of a run's photos, or its local copy, if one of them exists."""
    began = run.load_config()
    return next((place for place in (began.source, began.root) if Path(place).exists()), None)

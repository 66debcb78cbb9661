"""Train on nested parts of a run's training photos, for the learning curve of its network."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np

from pawsight.checksums import write_checksums
from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.data.duplicates.near_duplicates import group_keys
from pawsight.data.reading.unreadable import LostPhotosReported
from pawsight.errors import DataError
from pawsight.evaluation.run_evaluation import evaluate_run
from pawsight.formatting import counted
from pawsight.inference.classifier import Classifier
from pawsight.progress import LoggedProgress, Progress
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training.curve_points import nested_parts
from pawsight.training.custom_components import CustomComponents
from pawsight.training.learning_curve import MIN_PHOTOS
from pawsight.training.plan import Plan, save_plan
from pawsight.training.time_budget import TimeBudget
from pawsight.workflow.run_networks import fit_and_save

MIN_PARTS = 2  # with the run itself, the curve has three points
_DENOMINATORS = (8, 4, 2)  # the parts are an eighth, a quarter and a half of the training photos
_MIN_OF_CLASS = 3  # photos of the rarest class in a part


@dataclasses.dataclass(frozen=True, slots=True)
class CurvePart:
    """A part of the training photos, and the run on it."""

    run: Run
    share: float
    catalog: Catalog  # with the other training photos in no part
    counts: list[int]  # photos of each class

    @property
    def title(self) -> str:
        """The number of photos, as text."""
        return counted(sum(self.counts), "training photo")


def parts_of(run: Run, dataset: Dataset) -> list[CurvePart]:
    """Return the parts that have enough photos of each class, the smallest first.

    Raises:
        DataError: A class has too few training photos.
    """
    catalog = dataset.catalog
    train = catalog.part("train")
    labels, num_classes = catalog.labels(train), len(catalog.class_names)
    counts = np.bincount(labels, minlength=num_classes)
    keys = group_keys(catalog, dataset.duplicates, train)
    shares = [1 / denominator for denominator in _DENOMINATORS]
    parts = []
    for share, rows in zip(shares, nested_parts(labels, keys, shares), strict=True):
        part_counts = np.bincount(labels[rows], minlength=num_classes)
        if part_counts.min() >= _MIN_OF_CLASS:
            path = run.path / "learning_curve" / f"1-of-{round(1 / share)}"
            kept = catalog.with_parts(dict.fromkeys(np.delete(train, rows).tolist(), ""))
            parts.append(CurvePart(Run(path), len(rows) / len(train), kept, part_counts.tolist()))
    if counts.min() < MIN_PHOTOS or len(parts) < MIN_PARTS:
        rarest = catalog.class_names[int(counts.argmin())]
        raise DataError(
            f"Class '{rarest}' has {counted(int(counts.min()), 'training photo')}, and a learning "
            f"curve needs {MIN_PHOTOS} that are not copies of each other.\n"
            f"Add photos of it, and train again."
        )
    return parts


def train_part(
    part: CurvePart,
    run: Run,
    whole: Plan,
    config: TrainConfig,
    dataset: Dataset,
    own: CustomComponents,
    progress: Progress,
) -> None:
    """Train and evaluate the run of a part; continue from its last checkpoint if it has one."""
    prepare_tensorflow()
    from pawsight.training.planning import plan_of_part

    def write(new: Run) -> None:
        part.catalog.save_split(new.split_path)
        part.catalog.save(new.catalog_path)
        if run.labels_path.is_file():
            shutil.copyfile(run.labels_path, new.labels_path)
        save_plan(new, plan_of_part(whole, config, part.counts))
        write_json(new.config_path, run.load_config().model_dump(mode="json"))

    if not part.run.config_path.is_file():
        Run.create(part.run.path, dataset.catalog.name, part.run.path.parent, write)
    with part.run.locked():
        dataset = dataclasses.replace(dataset, catalog=part.catalog)
        progress = LoggedProgress(progress, part.run.log_path)
        progress = LostPhotosReported(progress, dataset.catalog, dataset.pixels)
        budget = TimeBudget(None)
        fit_and_save(part.run, config, dataset, budget, progress, own)
        classifier = Classifier.load(part.run)
        at_size = dataset.at_size(classifier.image_size)
        evaluate_run(part.run, classifier.logits, at_size, progress)
        shutil.rmtree(part.run.checkpoints_dir, ignore_errors=True)
        write_checksums(part.run)
        state = {"stage": "complete", "seconds": budget.spent_seconds}
        write_json(part.run.state_path, state)

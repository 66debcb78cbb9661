"""Train a run further: its photos keep their parts, and new photos are divided."""

from __future__ import annotations

from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.data.splitting.saved_split import parts_found
from pawsight.errors import DataError
from pawsight.formatting import counted
from pawsight.progress import Progress
from pawsight.records import Part, Pixels
from pawsight.training.start import Start
from pawsight.workflow.photo_sets import divide


def divide_grown(
    start: Start | None, catalog: Catalog, pixels: Pixels, config: TrainConfig, progress: Progress
) -> tuple[TrainConfig, Dataset]:
    """Assign photos to parts; photos of an earlier run keep theirs, whatever their folder is now.

    Args:
        start: The earlier run or model; None: all photos are divided anew.
        catalog: The photos.
        pixels: The pixels of the photos.
        config: The settings of the new run.
        progress: Receives a note with the counts.

    Returns:
        The settings, with the earlier run in `split.keep`; and the photos in their parts.

    Raises:
        DataError: As `divide`; or there are no photos of a class of the model.
    """
    if start is None:
        return config, divide(catalog, pixels, config.split, progress)
    known = start.description.class_names
    kept_classes = [name for name in catalog.class_names if name in known]
    if not kept_classes and start.weights_path is not None:
        raise DataError(
            f"None of the classes in {catalog.root} is a class of the model in {start.place}: "
            f"{', '.join(known)}.\nName the folders like these classes, join classes with "
            f"--merge, or start a new run without --start-from."
        )
    kept = {} if start.run is None else parts_found(str(start.run.path), catalog)
    if kept and start.run is not None:
        keep = str(start.run.path.absolute())
        split = config.split.model_copy(update={"keep": config.split.keep or keep})
        config = config.model_copy(update={"split": split})
    new_classes = len(catalog.class_names) - len(kept_classes)
    num_lost = len(known) - len(kept_classes)
    progress.note(
        f"Starts from {start.place}: {counted(len(kept_classes), 'class', 'classes')} kept, "
        f"{new_classes} new{f', {num_lost} left out' if num_lost else ''}; "
        f"{counted(len(kept), 'photo keeps its part', 'photos keep their part')}, "
        f"{len(catalog.usable) - len(kept):,} new."
    )
    if start.weights_path is None:
        progress.note("The linear head is fitted anew to all training photos.")
    elif start.run is None:
        progress.note(
            f"The training photos of {start.place} are not known: if some of these photos are "
            f"among them, the validation and test scores are too high."
        )
    if catalog.has_parts:
        catalog = _with_parts(catalog, kept, progress)
    return config, divide(catalog, pixels, config.split, progress)


def _with_parts(catalog: Catalog, kept: dict[int, Part], progress: Progress) -> Catalog:
    """Return the catalog with the parts of the earlier run in place of those of the source."""
    moved = [i for i, part in kept.items() if (catalog.photos[i].part or "train") != part]
    if moved:
        progress.note(
            f"{counted(len(moved), 'photo')} of another part in {catalog.root} "
            f"{'keep' if len(moved) != 1 else 'keeps'} the part of the earlier run, so that no "
            f"test photo is trained on."
        )
    return catalog.with_parts(kept)

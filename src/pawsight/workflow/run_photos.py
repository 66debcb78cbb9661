"""Read the photos of a run again, with its own settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pawsight.addresses import HIDDEN
from pawsight.config import SourceConfig, TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.corrections import OFF
from pawsight.data.splitting.saved_split import restore
from pawsight.errors import DataError
from pawsight.formatting import listed
from pawsight.models import builtin
from pawsight.models.network import plain
from pawsight.progress import Progress
from pawsight.records import Pixels
from pawsight.runs import Run
from pawsight.storage.checksum import file_digest
from pawsight.training.worker_group import WorkerGroup
from pawsight.workflow.photo_sets import Source, list_photos, read_photos, working_size

_NAMED_PHOTOS = 3


def photos_of(
    run: Run,
    progress: Progress,
    source: Source | None = None,
    image_size: tuple[int, int] | None = None,
    group: WorkerGroup | None = None,
    allow_missing: bool = False,
) -> tuple[Catalog, Pixels]:
    """Return the photos of a run in their parts, and their pixels.

    Args:
        run: The run.
        progress: Receives every stage.
        source: Where the photos are now; None: where they were when the run began.
        image_size: (height, width) in pixels to read them at; None: the size that the run stores.
        group: The workers that read them; None: this process and its worker processes.
        allow_missing: Whether photos that could not be copied from an address are left out.

    Raises:
        DataError: Photos were added, changed, removed or moved since the run began.
    """
    began = run.load_config()
    config = began.settings
    size = image_size or began.working_size or _earlier_size(config)
    config = config.model_copy(update={"image_size": size})
    # Photos that were fetched with a secret, which is not saved, are read from the local copy.
    if source is None:
        source = began.root if HIDDEN in began.source else began.source
        _check_exists(run, source)
    labels = str(run.labels_path) if run.labels_path.is_file() else OFF
    trained_on = Catalog.load(run.catalog_path, run.path)
    changes = {"labels": labels, "allow_missing": allow_missing or config.source.allow_missing}
    source_config = keep_classes(config.source.model_copy(update=changes), trained_on.class_names)
    arguments = source, progress, config.split.group_by, config.stage
    try:
        listed = list_photos(*arguments, source_config)
    except DataError:
        # A table that contradicts the folders may have been added since the run chose its labels.
        level = _class_level(trained_on)
        if level is None or source_config.class_level is not None:
            raise
        chosen = source_config.model_copy(update={"class_level": level})
        listed = list_photos(*arguments, chosen)
    catalog, pixels = read_photos(listed, config, progress, group)
    catalog = restore(catalog, str(run.catalog_path))
    _check_unchanged(run, catalog, Catalog.load(run.catalog_path, catalog.root), allow_missing)
    return catalog, pixels


def _earlier_size(config: TrainConfig) -> tuple[int, int]:
    """Return the (height, width) at which earlier versions kept photos."""
    if config.image_size is None and plain(config.model) == builtin.NAME:
        return builtin.EARLIER_IMAGE_SIZE
    return working_size(config)


def _check_exists(run: Run, source: str) -> None:
    """Check that the folder or file that the run began with is still there."""
    path = Path(source)
    if path.is_absolute() and not path.exists():  # `train` saves paths as absolute ones
        raise DataError(
            f"The photos of the run {run.place} are no longer in {path}.\n"
            f"Bring them back to that place (is their drive still there?), or start a new run."
        )


def _class_level(catalog: Catalog) -> int | None:
    """Return the level of the folders that are the labels of all photos; None if there is none."""
    folders = [(photo.label, class_name(photo.path).split("/")[:-1]) for photo in catalog.photos]
    levels = {names.index(label) + 1 if label in names else 0 for label, names in folders if label}
    return levels.pop() if len(levels) == 1 and 0 not in levels else None


def keep_classes(config: SourceConfig, class_names: Sequence[str]) -> SourceConfig:
    """Return settings in which `none` has no class of the model."""
    classes = {name.casefold() for name in class_names}
    return config.model_copy(
        update={"none": tuple(name for name in config.none if name.casefold() not in classes)}
    )


def _check_unchanged(run: Run, now: Catalog, began: Catalog, allow_missing: bool) -> None:
    """Check that the photos are those that the run began with; some may be missing if allowed."""
    rows_now, rows_before = (
        {
            (photo.path, photo.label, photo.sha256, photo.part)
            for photo in catalog.photos
            if not photo.problem
        }
        for catalog in (now, began)
    )
    changed = rows_now - rows_before if allow_missing else rows_now ^ rows_before
    if changed:
        paths = sorted({row[0] for row in changed})
        named = listed(paths, _NAMED_PHOTOS)
        raise DataError(
            f"The photos in {now.root} are not those that {run.place} began with: {len(paths):,} "
            f"were added, changed or removed: {named}\n"
            f"Bring them back, or start a new run."
        )


def changed_photos(catalog: Catalog, progress: Progress) -> list[str]:
    """Hash all usable photos again, since the cache compares only size and time of files.

    Returns:
        The paths of photos that changed or cannot be read.
    """
    progress.start("Hashing the photos", len(catalog.usable), "photos")
    changed = []
    for photo in (catalog.photos[i] for i in catalog.usable):
        try:
            is_same = file_digest(catalog.root / photo.path) == photo.sha256
        except OSError:
            is_same = False
        if not is_same:
            changed.append(photo.path)
        progress.advance(1)
    return changed

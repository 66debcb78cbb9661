"""Find photos whose labels are probably wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from pawsight.config import SourceConfig, TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.near_duplicates import find_duplicates, group_keys
from pawsight.data.listing.class_check import check_classes
from pawsight.data.listing.corrections import corrected, corrections_path
from pawsight.errors import ConfigError
from pawsight.evaluation.doubts import Doubts, rank_doubts
from pawsight.models import builtin
from pawsight.models.registry import find_network
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.records import Pixels, Resize
from pawsight.results_folders import check_outside
from pawsight.run_addresses import holds_run
from pawsight.runs import Run
from pawsight.storage.atomic_folder import check_free, new_folder
from pawsight.training.features import FeatureReader
from pawsight.workflow.photo_sets import Source, list_photos, read_photos
from pawsight.workflow.run_photos import photos_of

PAGE_NAME = "doubts.html"
TABLE_NAME = "doubts.csv"


@live_in_notebooks
def doubts(
    source: Source,
    out: Source | None = None,
    progress: Progress = SILENT,
    source_config: SourceConfig | None = None,
) -> Doubts:
    """Rank labelled photos by how probably their label is wrong.

    Each photo is compared with a Gaussian per class on features of the built-in network; the
    Gaussians are fitted without the photo and its copies. Features are computed once and cached.
    No photo and no table of the user is changed.

    Args:
        source: A run folder, for all photos of that run, or labelled photos as `train` takes
            them.
        out: A new folder for doubts.csv, with every photo, and doubts.html, which shows the most
            doubtful photos; None writes nothing.
        progress: Receives every stage.
        source_config: What the folders or the table mean, and which photos are used. For a run,
            whose own settings are used, only `labels` may be set: None is corrections.csv in the
            run folder.

    Returns:
        The photos, the most doubtful first.

    Raises:
        SourceError, DataError: As `train`.
        ConfigError: `source_config` is given for a run, or photos have several labels.
        DiskError: The folder is not empty, or cannot be written.
    """
    from pawsight.report.doubts_page import write_doubts_page

    if out is not None:
        check_outside(out, source)
        check_free(Path(out))
    catalog, pixels, resize = _photos(source, progress, source_config)
    if catalog.task.is_multi_label:
        raise ConfigError(
            "Labels can be checked only where each photo has one label.\nThe report of a run with "
            "several labels shows the surest mistakes of each label, which may be wrong labels."
        )
    check_classes(catalog)
    labelled = [i for i in catalog.usable.tolist() if catalog.photos[i].label]
    network = find_network(builtin.NAME)
    backbone = network.open_backbone(builtin.IMAGE_SIZE, None, progress)
    reader = FeatureReader(backbone, resize)
    features = reader.read(catalog, pixels, np.array(labelled, np.int64), progress)
    groups = group_keys(catalog, find_duplicates(catalog, pixels, progress), features.indices)
    progress.start("Judging the labels")
    result = rank_doubts(catalog, features.indices, features.rows, groups)
    if out is None:
        return result
    with new_folder(Path(out)) as folder:
        result.save_csv(folder / TABLE_NAME)
        write_doubts_page(result, folder / PAGE_NAME, catalog.pixel_scale)
    return dataclasses.replace(result, out=Path(out))


def _photos(
    source: Source, progress: Progress, source_config: SourceConfig | None
) -> tuple[Catalog, Pixels, Resize]:
    """Read the photos of a run or of a source at the size of the built-in network."""
    run = Run.open(source) if holds_run(source) else Run(source)
    if not run.config_path.is_file():
        config = TrainConfig(model=builtin.NAME)
        listing = list_photos(source, progress, config=source_config)
        check_classes(listing)
        return *read_photos(listing, config, progress), config.resize
    chosen = source_config or SourceConfig()
    if chosen.model_copy(update={"labels": None}) != SourceConfig():
        raise ConfigError(
            f"{run.place} is a run: its photos are read with its own settings.\n"
            f"Leave these options out, or give the photos instead of the run."
        )
    catalog, pixels = photos_of(run, progress, image_size=builtin.IMAGE_SIZE)
    if corrections := corrections_path(run.path, chosen):
        photos = corrected(catalog.photos, catalog.root, corrections, progress, is_required=True)
        catalog = dataclasses.replace(catalog, photos=tuple(photos))
    return catalog, pixels, run.load_config().settings.resize

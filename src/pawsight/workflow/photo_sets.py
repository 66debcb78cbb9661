"""Work with photos without a model: list, read, divide, audit and feed them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pawsight.config import (
    AugmentConfig,
    PixelsConfig,
    SourceConfig,
    SplitConfig,
    Staging,
    TrainConfig,
)
from pawsight.data.auditing.audit import audit_photos
from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.data.duplicates.near_duplicates import find_duplicates, without_dominant_groups
from pawsight.data.listing.class_check import check_classes, report_missing_classes
from pawsight.data.listing.scan import scan
from pawsight.data.listing.selection import with_none
from pawsight.data.pixel_scale import ANY_KIND, PixelScale
from pawsight.data.reading.ingest import ingest, read_locally
from pawsight.data.reading.unreadable import LostPhotosLogged
from pawsight.data.sources import fetch
from pawsight.data.splitting.split import split
from pawsight.errors import ConfigError
from pawsight.formatting import counted
from pawsight.models import builtin, colab, custom_network, swift
from pawsight.models.network import Network, plain
from pawsight.models.registry import AUTO, find_network
from pawsight.models.trained_size import trained_size
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.records import Part, Pixels, Resize
from pawsight.results_folders import check_outside
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training.worker_group import WorkerGroup
from pawsight.workflow.worker_groups import worker_group

if TYPE_CHECKING:
    import tensorflow as tf

Source = str | os.PathLike[str]


def list_photos(
    source: Source,
    progress: Progress,
    group_by: str | None = None,
    stage: Staging = "auto",
    config: SourceConfig | None = None,
) -> Catalog:
    """List the photos of a source, after fetching them if needed.

    `group_by` and `config` are as `scan` takes them, `stage` as in `TrainConfig`.
    """
    config = config or SourceConfig()
    fetched = fetch(os.fspath(source), progress, stage, allow_missing=config.allow_missing)
    return scan(fetched, progress, group_by, config)


def read_photos(
    catalog: Catalog, config: TrainConfig, progress: Progress, group: WorkerGroup | None = None
) -> tuple[Catalog, Pixels]:
    """Read listed photos at the size for training, here or with the workers of a group."""
    bands, limits = config.pixels.bands or (), config.pixels.range
    scale = None if limits is None else PixelScale(bands=bands, ranges={ANY_KIND: limits})
    size = working_size(config)
    read = read_locally if group is None else group.read
    return ingest(
        *(catalog, size, config.resize, progress, config.keep_truncated, scale, bands, read)
    )


def divide(catalog: Catalog, pixels: Pixels, config: SplitConfig, progress: Progress) -> Dataset:
    """Assign every usable photo to a part; duplicates are assigned to the same part.

    Returns:
        The photos in their parts, with all groups of duplicates.
    """
    duplicates = find_duplicates(catalog, pixels, progress)
    kept_together = without_dominant_groups(catalog, duplicates)
    if num_large := len(duplicates) - len(kept_together):
        groups = counted(
            num_large,
            "group of photos that look alike holds",
            "groups of photos that look alike hold",
        )
        progress.note(
            f"{groups} most of a class; only exact duplicates among them are kept in one part."
        )
    return Dataset(split(catalog, config, kept_together), pixels, duplicates)


def working_size(config: TrainConfig) -> tuple[int, int]:
    """Return the (height, width) in pixels at which photos are stored; raises ConfigError."""
    return config.image_size or find_network(config.model).image_size


def checked_model(config: TrainConfig) -> TrainConfig:
    """Check the network and its weights before any photo is read.

    Returns:
        The settings with the full name of the network, the absolute path of its weights and, for
        a network with weights, its image size. Model "auto" is replaced by a network.

    Raises:
        ConfigError: There is no such network or weights file, or the network takes no weights.
        ExtraError: The network needs a package that is not installed.
        ModelError: The network is too deep for such small images.
    """
    if plain(config.model) == AUTO:
        config = _best_model(config)
    network = find_network(config.model)
    network.check_available()
    if config.source.multi_label:
        _check_several_labels(config, network)
    if config.finetune and not network.can_finetune:
        raise ConfigError(
            f"The model '{network.name}' cannot be fine-tuned: it begins with no weights, and all "
            f"of it is trained anyway.\nLeave --finetune out, or choose --model {builtin.NAME}."
        )
    changed: dict[str, Any] = {"model": network.name}
    image_size = config.image_size
    if config.weights is not None:
        path = Path(config.weights).expanduser().absolute()
        if not network.takes_weights:
            raise ConfigError(
                f"The model '{network.name}' takes no --weights: only a network of "
                f"keras.applications does, such as --model mobilenetv2.\n"
                f"Weights of a pawsight model are for --start-from."
            )
        if path.is_dir() or (path.parent / "model.json").is_file():
            raise ConfigError(
                f"--weights takes weights that Keras saved, and {path} is of pawsight.\n"
                f"To train a pawsight model further: --start-from {path}"
            )
        if not path.is_file():
            raise ConfigError(f"There is no weights file {path}.\nGive another with --weights.")
        changed["weights"] = str(path)
        image_size = image_size or trained_size(path)
    network.check(image_size or network.image_size)
    if network.has_weights and not network.fits_any_size:  # a preset's folder may be removed
        changed["image_size"] = image_size or network.image_size
    return config.model_copy(update=changed)


def _check_several_labels(config: TrainConfig, network: Network) -> None:
    """Check that no setting is for one label a photo only; raises ConfigError."""
    if network.name == colab.NETWORK.name or network.name.startswith(custom_network.PREFIX):
        raise ConfigError(
            f"The model '{network.name}' is for one label a photo.\n"
            f"Leave --model out, or choose another: {swift.NETWORK.name}, {builtin.NAME}."
        )
    options = {"--target-accuracy": config.target_accuracy, "--start-from": config.start_from}
    for option, value in options.items():
        if value is not None:
            raise ConfigError(
                f"{option} is for one label a photo.\nLeave {option} out, or --multi-label."
            )


def _best_model(config: TrainConfig) -> TrainConfig:
    """Choose the network for model "auto": the shipped one, fine-tuned, where images allow it."""
    is_large_enough = min(working_size(config)) >= find_network(builtin.NAME).min_side
    has_tensorflow = importlib.util.find_spec("tensorflow") is not None
    chosen: dict[str, Any] = {"model": swift.NETWORK.name}
    if is_large_enough:
        chosen = {"model": builtin.NAME, "finetune": "auto" if has_tensorflow else False}
    return config.model_copy(update=chosen)


@live_in_notebooks
def audit(
    source: Source,
    out: Source | None = None,
    group_by: str | None = None,
    progress: Progress = SILENT,
    source_config: SourceConfig | None = None,
    pixels_config: PixelsConfig | None = None,
    workers: int | None = None,
    cluster: str | None = None,
) -> dict[str, Any]:
    """Read every photo once, and return facts and problems of the photos.

    Photos of a folder such as none/ have the class "", like photos without a label.

    Args:
        source: As `train` takes it.
        out: A folder for audit.html, audit.json and catalog.csv; an earlier audit in it is
            replaced. None writes nothing.
        group_by: As in `SplitConfig`: photos of a group should be in one part.
        progress: Receives every stage, and the reasons why these photos could not be trained on.
        source_config: What the folders or the table mean, and which photos are used.
        pixels_config: The bands and the range of files with more than 8 bits.
        workers: The number of processes that read photos; None: one for each core.
        cluster: The address of a Ray cluster for them; None is this machine.

    Returns:
        JSON-ready: name, root, num_photos, num_ignored, classes, parts, formats, sizes (smallest
        and largest [width, height] by area), broken, exact_copies and copies_across_parts (groups
        of paths), and findings: for each check a dict of title, rule, count and items.

    Raises:
        SourceError, DataError: As `train`.
        DiskError: The folder cannot be written.
        RunError: The folder has other files.
    """
    from pawsight.report.data_page import audit_folder, save_audit

    if out is not None:
        check_outside(out, source)
    group = worker_group(workers, cluster)
    folder = None if out is None else audit_folder(out)
    listing = list_photos(source, progress, group_by, config=source_config)
    report_missing_classes(listing, progress)
    config = TrainConfig(pixels=pixels_config or PixelsConfig())
    catalog, pixels = read_photos(with_none(listing), config, progress, group)
    result = audit_photos(catalog, pixels, progress=progress)
    if folder is not None:
        save_audit(folder, result, catalog)
    return result.to_json()


@live_in_notebooks
def feed(
    source: Source,
    part: Part = "train",
    image_size: int | tuple[int, int] = (150, 150),
    batch_size: int = 32,
    augment: AugmentConfig | None = None,
    resize: Resize = "stretch",
    split_config: SplitConfig | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
    source_config: SourceConfig | None = None,
) -> tf.data.Dataset:
    """Build a dataset of photos for plain Keras: `model.fit(pawsight.feed("photos/"))`.

    The training part is shuffled and, with `augment`, augmented, differently in each
    epoch; the other parts are neither shuffled nor augmented.

    Args:
        source: As `train` takes it.
        part: The part to build: "train", "validation" or "test".
        image_size: (height, width) in pixels; one number is a square.
        batch_size: Photos per batch, B.
        augment: The augmentation of the training part; None: no augmentation.
        resize: How a photo of another shape is resized: "stretch", "crop" or "pad".
        split_config: How photos are divided where the source has no parts.
        seed: The seed of order and augmentation.
        progress: Receives every stage.
        source_config: What the folders or the table mean, and which photos are used.

    Returns:
        Batches of (images float32 [B, H, W, 3] with values 0..255, labels
        int32 [B]). Label i is the class `dataset.class_names[i]`, in alphabetical order.

    Raises:
        SourceError, DataError: As `train`.
    """
    split_config = split_config or SplitConfig()
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    listing = list_photos(source, progress, split_config.group_by, config=source_config)
    check_classes(listing)
    catalog, pixels = ingest(listing, size, resize, progress)
    catalog = divide(catalog, pixels, split_config, progress).catalog
    pixels = LostPhotosLogged(pixels, catalog)
    prepare_tensorflow()
    from pawsight.pipeline.augment import Augment
    from pawsight.pipeline.batches import epoch_batches, evaluation_batches

    indices = catalog.part(part)
    labels = catalog.labels(indices)
    if part != "train":
        dataset = evaluation_batches(pixels, indices, labels, batch_size)
    else:
        augmented = Augment(augment or AugmentConfig())
        dataset = epoch_batches(pixels, indices, labels, batch_size, seed, augmented)
    dataset.class_names = catalog.class_names  # as keras.utils.image_dataset_from_directory does
    return dataset

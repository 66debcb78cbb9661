"""The way of the photos on one page: each function is one thing a user does.

Everything here only calls the rooms below, in order. TensorFlow is imported
where training begins, so that auditing, predicting and reporting do without it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pawsight.config import AugmentConfig, SplitConfig, TrainConfig, settings
from pawsight.engine import prepare_tensorflow
from pawsight.errors import ConfigError, DataError, StoppedError
from pawsight.inference.classifier import Classifier
from pawsight.pictures.audit import findings, tell_about
from pawsight.pictures.catalog import Catalog
from pawsight.pictures.ingest import ingest
from pawsight.pictures.listing import check_classes, scan
from pawsight.pictures.sources import drawn, fetch
from pawsight.pictures.split import split
from pawsight.progress import Logged, Progress, Silent
from pawsight.records import Part, Pixels, Resize
from pawsight.runs import Run, write_json

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

Source = str | os.PathLike[str]

_SILENT = Silent()
_ONNX_CHECK_PHOTOS = 64


def train(
    source: Source,
    config: TrainConfig | None = None,
    out: Source | None = None,
    progress: Progress = _SILENT,
) -> Run:
    """Turn labelled photos into a trained, evaluated classifier with a report.

    Args:
        source: A folder with one folder per class (or with train/ and
            validation/ folders that hold those), a .zip or .tar of one, a CSV
            with the columns path and label, or "sample".
        config: The settings; None takes all defaults.
        out: The run folder to make; None makes `runs/<date>-<time>-<source>`.
        progress: Is told how it goes.

    Returns:
        The run. `run.metrics` holds the numbers, `run.report_path` the page.

    Raises:
        SourceError: The source cannot be used.
        DataError: The photos do not allow training: one class, too few photos.
        StoppedError: The user stopped it; `resume` goes on.
        PawsightError: Any other trouble, in plain words.
    """
    config = config or TrainConfig()
    listing = scan(fetch(os.fspath(source), progress), progress)
    check_classes(listing)
    image_size = _image_size(config)
    run = Run.create(out, listing.name)
    try:
        catalog, pixels = ingest(listing, image_size, config.resize, progress)
        catalog = split(catalog, config.split)
    except BaseException:
        # Nothing was written yet: the same command can be given again.
        with contextlib.suppress(OSError):
            run.path.rmdir()
        raise
    path = Path(source)
    write_json(
        run.config_path,
        {
            "source": str(path.absolute() if path.exists() else source),
            "name": catalog.name,
            "root": str(catalog.root.absolute()),
            "settings": config.model_dump(mode="json"),
        },
    )
    catalog.save_split(run.split_path)
    catalog.save(run.catalog_path)
    return _train_and_finish(run, config, catalog, pixels, Logged(progress, run.log_path))


def resume(run_path: Source, progress: Progress = _SILENT) -> Run:
    """Go on with a run that was stopped or killed; it ends with the same bits.

    Raises:
        RunError: There is no run there.
        DataError: The photos are not those the run began with.
    """
    run = Run.open(run_path)
    progress = Logged(progress, run.log_path)
    if run.is_complete:
        progress.note(f"The run {run.path} is complete already; nothing is left to do.")
        return run
    config, catalog, pixels = _photos_of(run, progress)
    return _train_and_finish(run, config, catalog, pixels, progress)


def evaluate(
    run_path: Source, source: Source | None = None, progress: Progress = _SILENT
) -> dict[str, Any]:
    """Measure a finished run on its own photos, or on others.

    Args:
        run_path: The run folder.
        source: Labelled photos whose classes the model knows; their test part
            if they have one, else their validation part, else all of them.
            None takes the run's own validation and test parts.
        progress: Is told how it goes.

    Returns:
        The metrics, as in metrics.json: {"headline": part, "parts": {part: {...}}}.

    Raises:
        RunError: The run is not complete, or its photos are gone.
        DataError: The source holds a class that the model never learnt.
    """
    run = Run.open(run_path)
    classifier = Classifier.load(run)
    if source is None:
        _, catalog, pixels = _photos_of(run, progress)
        from pawsight.evaluation.whole_run import evaluate_run

        return evaluate_run(run, classifier.logits, catalog, pixels, progress)
    from pawsight.evaluation.metrics import measure
    from pawsight.evaluation.predictions import collect, save_predictions

    listing = scan(fetch(os.fspath(source), progress), progress)
    catalog, pixels = ingest(listing, classifier.image_size, classifier.resize, progress)
    if not catalog.has_parts:
        photos = tuple(dataclasses.replace(photo, part="test") for photo in catalog.photos)
        catalog = dataclasses.replace(catalog, photos=photos)
    part: Part = "test" if len(catalog.part("test")) else "validation"
    found = collect(
        classifier.probs, pixels, catalog, part, progress, class_names=classifier.class_names
    )
    metrics = {"headline": part, "source": str(source), "parts": {part: measure(found)}}
    folder = run.evaluation_dir(listing.name)
    save_predictions(found, folder / f"predictions-{part}.csv")
    write_json(folder / "metrics.json", metrics)
    return metrics


def load(run_path: Source | Run) -> Classifier:
    """Load a finished run's classifier, without TensorFlow; see `Classifier.predict`.

    Raises:
        RunError: There is no finished run there.
    """
    return Classifier.load(run_path)


def write_report(run_path: Source) -> Path:
    """Write a run's report anew from what its folder holds; returns its path."""
    from pawsight.report.page import write_report as write_page

    return write_page(Run.open(run_path))


def audit(source: Source, progress: Progress = _SILENT) -> dict[str, Any]:
    """Read every photo once and tell what is there: classes, sizes, copies, broken files.

    Returns:
        JSON-ready: name, root, num_photos, num_ignored, classes, parts,
        formats, sizes (smallest and largest [width, height] by area), broken,
        exact_copies and copies_across_parts (groups of paths).
    """
    listing = scan(fetch(os.fspath(source), progress), progress)
    catalog, _ = ingest(listing, _image_size(TrainConfig()), "stretch", progress)
    return findings(catalog)


def draw_sample(
    folder: Source, count: int = 1200, seed: int = 0, progress: Progress = _SILENT
) -> Path:
    """Draw the built-in sample, cats/ and dogs/, into a folder; returns the folder."""
    return drawn.draw_sample(Path(folder), count, seed, progress=progress)


def feed(
    source: Source,
    part: Part = "train",
    image_size: tuple[int, int] = (150, 150),
    batch_size: int = 32,
    augment: AugmentConfig | None = None,
    resize: Resize = "stretch",
    split_config: SplitConfig | None = None,
    seed: int = 0,
    progress: Progress = _SILENT,
) -> tf.data.Dataset:
    """Make a dataset of photos for plain Keras: `model.fit(pawsight.feed("photos/"))`.

    The training part comes shuffled and, with `augment`, changed at random,
    anew in each epoch; the other parts come in order and as they are.

    Returns:
        Batches of (images float32 [B, H, W, 3] with values 0..255, labels
        int32 [B]). Label i is the i-th class name in alphabetical order.
    """
    listing = scan(fetch(os.fspath(source), progress), progress)
    check_classes(listing)
    catalog, pixels = ingest(listing, image_size, resize, progress)
    catalog = split(catalog, split_config or SplitConfig())
    prepare_tensorflow()
    from pawsight.pipeline.augment import Augment
    from pawsight.pipeline.batches import epoch_batches, evaluation_batches

    indices = catalog.part(part)
    labels = catalog.labels(indices)
    if part != "train":
        return evaluation_batches(pixels, indices, labels, batch_size)
    return epoch_batches(
        pixels, indices, labels, batch_size, seed, Augment(augment or AugmentConfig())
    )


def _train_and_finish(
    run: Run, config: TrainConfig, catalog: Catalog, pixels: Pixels, progress: Progress
) -> Run:
    """Take a run from wherever it stands to its end."""
    # A budget in minutes counts from here: how long reading took depends on what was read before.
    started = time.monotonic()
    tell_about(catalog, progress)
    try:
        progress.start("Starting TensorFlow")
        prepare_tensorflow()
        from pawsight.training.session import train_run

        write_json(run.state_path, {"stage": "training"})
        model = train_run(run, config, catalog, pixels, progress, started)
        _finish(run, model, config, catalog, pixels, progress)
    except KeyboardInterrupt as error:
        raise StoppedError(
            f"Stopped; what was done so far is kept.\nGo on with: pawsight resume {run.path}"
        ) from error
    write_json(run.state_path, {"stage": "complete", "seconds": time.monotonic() - started})
    return run


def _finish(
    run: Run,
    model: keras.Model,
    config: TrainConfig,
    catalog: Catalog,
    pixels: Pixels,
    progress: Progress,
) -> None:
    """Export, calibrate, evaluate and report."""
    from pawsight.evaluation.whole_run import evaluate_run
    from pawsight.export.bundle import save_model
    from pawsight.report.page import write_report as write_page

    progress.start("Exporting the model")
    some = pixels.read(catalog.part("validation")[:_ONNX_CHECK_PHOTOS])
    save_model(run, model, config.model, catalog.class_names, config.resize, catalog.name, some)
    evaluate_run(run, Classifier.load(run).logits, catalog, pixels, progress)
    progress.start("Writing the report")
    write_page(run)


def _photos_of(run: Run, progress: Progress) -> tuple[TrainConfig, Catalog, Pixels]:
    """The settings of a run and its photos in their parts.

    Raises:
        DataError: Photos were added, changed or removed since the run began.
    """
    saved = run.read_json(run.config_path)
    config = settings(TrainConfig, **saved["settings"])
    listing = scan(fetch(saved["source"], progress), progress)
    catalog, pixels = ingest(listing, _image_size(config), config.resize, progress)
    catalog = split(catalog, config.split)
    began = Catalog.load(run.catalog_path, catalog.root)
    facts = [(p.path, p.label, p.sha256, p.part) for p in catalog.photos if not p.problem]
    if facts != [(p.path, p.label, p.sha256, p.part) for p in began.photos if not p.problem]:
        raise DataError(
            f"The photos in {catalog.root} are not those that {run.path} began with: some were "
            f"added, changed or removed.\nBring them back, or start a new run."
        )
    return config, catalog, pixels


def _image_size(config: TrainConfig) -> tuple[int, int]:
    """The size the pixels are kept at; the network's own size is known without TensorFlow."""
    from pawsight.models.sizes import IMAGE_SIZES

    if config.model not in IMAGE_SIZES:
        raise ConfigError(
            f"There is no model '{config.model}'. Choose one of these: {', '.join(IMAGE_SIZES)}."
        )
    return config.image_size or IMAGE_SIZES[config.model]

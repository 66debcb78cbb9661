"""Train a run, from photos to its report, and resume a stopped run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pawsight.addresses import public_address
from pawsight.checksums import write_checksums
from pawsight.config import SourceConfig, TrainConfig
from pawsight.data.auditing.audit import audit_photos, summarize_photos
from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.data.duplicates.near_duplicates import find_duplicates
from pawsight.data.listing.class_check import check_classes
from pawsight.data.listing.corrections import corrections_path
from pawsight.data.listing.scan import scan
from pawsight.data.reading.unreadable import LostPhotosReported
from pawsight.data.sources import fetch
from pawsight.data.splitting.saved_split import save_earlier
from pawsight.errors import RunError
from pawsight.formatting import shell_quoted
from pawsight.inference.answers import NONE, UNSURE
from pawsight.inference.classifier import Classifier
from pawsight.models import builtin
from pawsight.models.custom_network import Build
from pawsight.models.registry import find_network
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, LoggedProgress, Progress
from pawsight.results_folders import check_outside, results_dir
from pawsight.run_config import RunConfig
from pawsight.runs import Run, check_new
from pawsight.storage.atomic import replacing, write_json
from pawsight.training.custom_components import CustomComponents
from pawsight.training.start import Start, open_start
from pawsight.training.time_budget import TimeBudget
from pawsight.workflow.given_settings import checked, merged, with_build
from pawsight.workflow.grown_runs import divide_grown
from pawsight.workflow.photo_sets import Source, read_photos, working_size
from pawsight.workflow.run_errors import explained
from pawsight.workflow.run_networks import fit_and_save
from pawsight.workflow.run_photos import photos_of
from pawsight.workflow.uploaded_runs import uploaded
from pawsight.workflow.worker_groups import worker_group

if TYPE_CHECKING:
    import keras


@live_in_notebooks
def train(
    source: Source,
    config: TrainConfig | None = None,
    out: Source | None = None,
    progress: Progress = SILENT,
    started: float | None = None,
    source_config: SourceConfig | None = None,
    build: Build | str | None = None,
    optimizer: keras.Optimizer | None = None,
    metrics: Sequence[keras.Metric] = (),
    callbacks: Sequence[keras.callbacks.Callback] = (),
    workers: int | None = None,
    cluster: str | None = None,
    **settings: Any,
) -> Run:
    """Train a classifier on labelled photos, evaluate it, and write its report.

    Args:
        source: A folder with a folder per class (which may be in the folders train/ and
            validation/), a .zip or .tar of such a folder, a CSV with the columns path and label, an
            address such as "s3://bucket/pets", the name of a set of `known_sets`, or "sample".
        config: The settings; None: all defaults.
        out: The run folder, outside the photos, or an address such as "s3://bucket/runs/pets";
            None creates `runs/<date>-<time>-<source>`.
        progress: Receives every stage.
        started: The value of `time.monotonic()` from which a budget in minutes counts; None: that
            of this call. Fetching, reading and comparing photos does not count.
        source_config: The setting `source`: what folders or tables mean, and which photos are used.
        build: Your own function, or "module:function", that takes (image_size, classes) and
            returns a keras.Model from images 0..255 to logits or their softmax.
        optimizer: Your own optimizer, with its learning rate or schedule, if training is in steps.
        metrics: keras.metrics.Metric objects, measured at each validation.
        callbacks: keras.callbacks.Callback objects; an epoch ends at each validation.
        workers: The number of processes that train the network together; None: this process alone.
        cluster: The address of a Ray cluster for them; None is this machine.
        **settings: Fields of `TrainConfig`, such as `image_size=128`; they override `config`.

    Returns:
        The run. `run.metrics` has the numbers, `run.report_path` is the report.

    Raises:
        ConfigError: A setting is unknown or cannot be used.
        SourceError: The source cannot be used.
        DataError: The photos do not allow training: one class, too few photos.
        StoppedError: The user stopped it; `resume` continues it.
        PawsightError: Another reason prevents training, such as a full disk.
    """
    config = with_build(merged(config, source_config, settings), build)
    own = CustomComponents(
        optimizer, metrics, callbacks, worker_group(workers, cluster, trains=True)
    )
    return _train_new(source, config, out, progress, started, own)


@live_in_notebooks
def resume(
    run_path: Source,
    progress: Progress = SILENT,
    build: Build | str | None = None,
    optimizer: keras.Optimizer | None = None,
    metrics: Sequence[keras.Metric] = (),
    callbacks: Sequence[keras.callbacks.Callback] = (),
    workers: int | None = None,
    cluster: str | None = None,
) -> Run:
    """Resume a run that was stopped or killed; its weights will be as without the interruption.

    Args:
        run_path: The run folder, or its address.
        progress: Receives every stage.
        build: As `train` took it, for a run that began with it; it is never imported from the run.
        optimizer: As `train` took it, for a run that began with it.
        metrics: As `train` takes them.
        callbacks: As `train` takes them; they start again.
        workers: As `train` takes it; the number may be different now.
        cluster: As `train` takes it.

    Returns:
        The run, complete.

    Raises:
        RunError: There is no run at `run_path`, it is damaged, another process trains it, or it
            began with the built-in network of another version.
        DataError: The photos are not those that the run began with.
    """
    run = Run.open(run_path, is_whole=True)
    logged = LoggedProgress(progress, run.log_path)
    with run.locked(), explained(run, logged), uploaded(run, logged) as progress:
        if run.is_complete:
            progress.note(
                f"The run {run.place} is complete already; nothing is left to do.\n"
                f"To train it further: pawsight train PHOTOS --start-from {shell_quoted(run.place)}"
            )
            return run
        began = run.load_config()
        _check_builtin(run, began)
        config = with_build(began.settings, build)
        own = CustomComponents(
            optimizer, metrics, callbacks, worker_group(workers, cluster, trains=True)
        )
        find_network(config.model).check_available()
        own.check(config.model)
        budget = TimeBudget(config.minutes)
        with budget.paused():
            catalog, pixels = photos_of(run, progress, group=own.workers)
            dataset = Dataset(catalog, pixels, find_duplicates(catalog, pixels, progress))
        return _train_and_finish(run, config, dataset, budget, progress, own)


def _train_new(
    source: Source,
    config: TrainConfig,
    out: Source | None,
    progress: Progress,
    started: float | None,
    own: CustomComponents,
) -> Run:
    """Train a new run; arguments as in `train`."""
    start = None if config.start_from is None else open_start(config.start_from, config.model)
    if start is not None:
        config = start.settings(config)
    budget = TimeBudget(config.minutes, started)
    check_outside(out or results_dir("runs", source), source)
    if out is not None:
        check_new(out)
    config = checked(config, own, progress)  # before anything is fetched or read
    catalog = _list(source, config, budget, progress)
    check_classes(catalog)
    _name_ambiguous_classes(catalog, progress)
    with budget.paused():
        catalog, pixels = read_photos(catalog, config, progress, own.workers)
        config, dataset = divide_grown(start, catalog, pixels, config, progress)
    run = Run.create(
        out,
        catalog.name,
        results_dir("runs", source),
        lambda run: _write_beginning(run, source, config, dataset.catalog, start),
    )
    logged = LoggedProgress(progress, run.log_path)
    with run.locked(), explained(run, logged), uploaded(run, logged) as progress:
        return _train_and_finish(run, config, dataset, budget, progress, own)


def _list(source: Source, config: TrainConfig, budget: TimeBudget, progress: Progress) -> Catalog:
    allow_missing = config.source.allow_missing
    with budget.paused():
        fetched = fetch(str(source), progress, config.stage, allow_missing=allow_missing)
    return scan(fetched, progress, config.split.group_by, config.source)


def _name_ambiguous_classes(catalog: Catalog, progress: Progress) -> None:
    names = set() if catalog.task.is_multi_label else {NONE, UNSURE}
    for name in sorted(names.intersection(catalog.class_names)):
        progress.note(
            f"Class '{name}' has the name of the answer '{name}' in predictions and sorted "
            f"folders. To rename it: --merge {shell_quoted(f'{name} photos={name}')}"
        )


def _write_beginning(
    run: Run, source: Source, config: TrainConfig, catalog: Catalog, start: Start | None
) -> None:
    """Write the files that `resume` needs: the parts, the catalog and, last, config.json."""
    if start is not None and start.run is not None:
        save_earlier(start.run, catalog, run.earlier_path)
    if corrections := corrections_path(catalog.root, config.source):
        with replacing(run.labels_path) as temporary:
            temporary.write_bytes(corrections.read_bytes())
    catalog.save_split(run.split_path)
    catalog.save(run.catalog_path)
    path = Path(source)
    began = RunConfig(
        source=str(path.absolute()) if path.exists() else public_address(str(source)),
        name=catalog.name,
        root=str(catalog.root.absolute()),
        settings=config,
        working_size=working_size(config),
        builtin_sha256=builtin.digest() if _begins_with_builtin(config) else "",
    )
    write_json(run.config_path, began.model_dump(mode="json"))


def _begins_with_builtin(config: TrainConfig) -> bool:
    return config.start_from is None and config.model == builtin.NAME


def _check_builtin(run: Run, began: RunConfig) -> None:
    """Check that a run that began with the built-in network began with that of this version."""
    if _begins_with_builtin(began.settings) and began.builtin_sha256 != builtin.digest():
        raise RunError(
            f"The run {run.place} began with the built-in network of another version of pawsight.\n"
            f"Resume it with that version, or start a new run."
        )


def _train_and_finish(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    budget: TimeBudget,
    progress: Progress,
    own: CustomComponents,
) -> Run:
    """Train a run from its last checkpoint, evaluate it, and write its report."""
    catalog, pixels, duplicates = dataset.catalog, dataset.pixels, dataset.duplicates
    progress = LostPhotosReported(progress, catalog, pixels)
    summarize_photos(catalog, progress, duplicates)
    if not run.audit_path.is_file():
        with budget.paused():
            audit = audit_photos(catalog, pixels, duplicates, progress)
            write_json(run.audit_path, audit.to_json())
    fit_and_save(run, config, dataset, budget, progress, own)
    _evaluate_and_report(run, dataset, progress)
    write_checksums(run)
    write_json(run.state_path, {"stage": "complete", "seconds": budget.spent_seconds})
    return run


def _evaluate_and_report(run: Run, dataset: Dataset, progress: Progress) -> None:
    """Calibrate and evaluate a run, and write its report."""
    from pawsight.evaluation.run_evaluation import evaluate_run
    from pawsight.report.page import write_report as write_page
    from pawsight.training.learning_curve import measure_learning_curve
    from pawsight.training.ood_features import fit_out_of_distribution

    classifier = Classifier.load(run)
    dataset = dataset.at_size(classifier.image_size)
    evaluate_run(run, classifier.logits, dataset, progress)
    fit_out_of_distribution(run, dataset, progress)
    measure_learning_curve(run, dataset, progress)
    progress.start("Writing the report")
    write_page(run)

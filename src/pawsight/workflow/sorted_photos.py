"""Sort a photo library: predict, plan, place, and undo."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

from pawsight.errors import ConfigError, StoppedError
from pawsight.formatting import counted
from pawsight.inference.addresses import FetchedPath, fetch_addresses, is_fetched
from pawsight.inference.answers import NONE, UNSURE
from pawsight.inference.classifier import Classifier, load
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.records import Prediction
from pawsight.run_addresses import is_address
from pawsight.runs import Run
from pawsight.sorting.execution import carry_out, is_stopped, recover_earlier
from pawsight.sorting.photo_search import find_photos
from pawsight.sorting.sort_plan import How, Placement, Planner, Sorting, check_folder
from pawsight.sorting.target_names import class_folders
from pawsight.sorting.undoing import Undone, undo
from pawsight.workflow.photo_sets import Source

_SINGULAR = {"raw files": "raw file", "films of Live Photos": "film of a Live Photo"}


@live_in_notebooks
def sort(
    sources: Source | Iterable[Source],
    into: Source,
    run_path: Source | Run | None = None,
    how: How = "copy",
    sure: float | None = None,
    dry_run: bool = False,
    progress: Progress = SILENT,
    with_companions: bool = False,
) -> Sorting:
    """Sort photos into a folder per class, and the folders `unsure` and `none`.

    `unsure` is for photos whose class is not probable enough, `none` for photos that are
    unlike all training photos of the model.

    Nothing is ever overwritten. A photo that is already in the folder, by its content, is
    skipped; another photo of the same name gets a new name. A journal in the folder
    allows `undo_sort`; a sort that was killed is finished by the same call.

    Args:
        sources: Files, folders, patterns such as `photos/**/*.jpg`, archives, and addresses
            such as `s3://bucket/photos`; photos of archives and addresses can only be copied.
        into: The folder; it is created if it does not exist.
        run_path: A finished run; None is the model of cats and dogs that ships with pawsight.
        how: "copy", "link" (symbolic links) or "move".
        sure: Photos of a lower probability go to `unsure`, 0..1; None: the threshold that was
            measured on the model's held-out photos.
        dry_run: Return what would be done, and change nothing.
        progress: Receives the progress.
        with_companions: Include the films of Live Photos and the raw files with a photo's name;
            otherwise they stay where they are, and a note counts them.

    Returns:
        What was done, or would be done, with each photo.

    Raises:
        ConfigError: `how` or `sure` is invalid, or the model gives several labels.
        SourceError: Photos cannot be fetched from an address, or the folders have no photos.
        DataError: A file is where a folder should be.
        DiskError: The folder cannot be written, or the disk is too full.
        RunError: There is no finished run at `run_path`.
    """
    planned = plan_sort(sources, into, run_path, how, sure, dry_run, progress, with_companions)
    return planned if dry_run else carry_out(planned, progress)


def plan_sort(
    sources: Source | Iterable[Source],
    into: Source,
    run_path: Source | Run | None,
    how: How,
    sure: float | None,
    dry_run: bool,
    progress: Progress,
    with_companions: bool,
) -> Sorting:
    """Plan where each photo goes; arguments and errors as in `sort`.

    Nothing is changed, except that a killed sort is cleaned up unless this is a dry run.
    """
    if sure is not None and not 0 <= sure <= 1:
        raise ConfigError(f"sure must be a probability from 0 to 1, not {sure}.")
    if how not in get_args(How):
        raise ConfigError(f"how must be one of {', '.join(get_args(How))}, not {how}.")
    target = os.path.abspath(into)  # noqa: PTH100 - a link to the folder stays one
    classifier = load(run_path)
    check_sortable(classifier)
    folders = class_folders(classifier.class_names)
    target_folders = tuple(dict.fromkeys((*folders.values(), UNSURE, NONE)))
    check_folder(target, target_folders)
    if not dry_run:
        recover_earlier(target, progress)
    elif is_stopped(target):
        progress.note(f"An earlier sort into {into} was stopped; its leftovers are not shown here.")
    given = [sources] if isinstance(sources, str | os.PathLike) else sources
    names = [os.fspath(source) for source in given]
    fetched = next((name for name in names if is_fetched(name)), "")
    if fetched and how != "copy":
        raise ConfigError(
            f"The photos of {fetched} are fetched into the cache of this machine, from which they "
            f"can only be copied.\nLeave --{how} out."
        )
    local = fetch_addresses(names, progress)
    shown = {str(path): path.shown for path in local if isinstance(path, FetchedPath)}
    names = [str(path) for path in local]
    progress.start("Listing photos", unit="photos")
    found = find_photos(names, target, target_folders)
    progress.advance(len(found.photos))
    if found.num_left_out:
        photos = counted(found.num_left_out, "photo is", "photos are")
        progress.note(f"{photos} already sorted in {into}, and left out.")
    found.left_out.report(progress)
    planner = Planner(target, how, folders, sure, with_companions)
    placements = tuple(_planned(planner, classifier, found.photos, progress))
    if left := planner.companions_left():
        counts = " and ".join(
            counted(count, _SINGULAR[kind], kind) for kind, count in sorted(left.items())
        )
        where = "stays where it is" if sum(left.values()) == 1 else "stay where they are"
        progress.note(f"{counts} {where}; --companions includes such files.")
    origins = tuple(shown.get(name) or os.path.abspath(name) for name in names)  # noqa: PTH100
    model = "builtin" if run_path is None else os.path.abspath(_path_of(run_path))  # noqa: PTH100
    return Sorting(Path(target), how, placements, target_folders, origins, model, shown)


def check_sortable(classifier: Classifier) -> None:
    """Check that a model gives each photo one label; raises ConfigError."""
    if classifier.task.is_multi_label:
        raise ConfigError(
            "This model gives photos several labels, so they cannot be sorted into a folder each.\n"
            "Write its answers to a table: pawsight predict PHOTOS --model RUN --output FILE"
        )


@live_in_notebooks
def undo_sort(into: Source, progress: Progress = SILENT) -> Undone:
    """Undo the last sort into a folder.

    A copy is removed only if it is unchanged and its original is still in place.
    A moved photo is moved back if its old path is free. Photos that were changed or
    moved since are not touched.

    Args:
        into: The folder that photos were sorted into.
        progress: Receives the progress.

    Returns:
        The number of files that were undone, and the other files with a reason.

    Raises:
        DataError: There is no sort to undo.
        DiskError: The journal cannot be written.
        StoppedError: Ctrl-C was pressed.
    """
    try:
        return undo(os.path.abspath(into), progress)  # noqa: PTH100
    except KeyboardInterrupt as error:
        raise StoppedError("Stopped. Run the same command again to resume.") from error


def _planned(
    planner: Planner,
    classifier: Classifier,
    photos: list[tuple[str | Prediction, str]],
    progress: Progress,
) -> Iterator[Placement]:
    progress.start("Predicting", len(photos), "photos")
    monitor = classifier.drift_monitor()
    predictions = monitor.watch(classifier.predict_iter(photo for photo, _ in photos))
    for prediction, (_, root) in zip(predictions, photos, strict=True):
        yield from planner.plan(prediction, root)
        progress.advance(1)
    if (drift := monitor.result()) and drift.has_drifted:
        progress.note(drift.sentence())


def _path_of(run_path: Source | Run) -> Source:
    """Return the folder of a run, which for an address is in the cache."""
    run = Run.open(run_path) if is_address(run_path) else run_path
    return run.path if isinstance(run, Run) else run

"""checksums.json: the SHA-256 of each file of a finished run.

Written at the end of training, before the state becomes "complete". Before a
file is written again (by an evaluation or a report) its checksum is removed, and
the new one is added afterwards, so that a killed process leaves a file without
a checksum, never with a wrong one. Files that later commands change or add
have none: the log, the state, the lock, exports and evaluations on other photos.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from pawsight.errors import RunError
from pawsight.records import PARTS
from pawsight.runs import FORMAT_VERSION, Run
from pawsight.storage.atomic import write_json
from pawsight.storage.checksum import file_digest

Files = Callable[[Run], list[Path]]


def evaluation_files(run: Run) -> list[Path]:
    """Return the files that an evaluation on the run's own photos writes."""
    predictions = [run.predictions_path(part) for part in PARTS]
    measured = (run.metrics_path, run.curves_path, run.shortcuts_path, run.robustness_path)
    return _present(run.model_path, *measured, *predictions)


def report_files(run: Run) -> list[Path]:
    """Return the files that a report writes."""
    figures = [*run.figures_dir.glob("*.png"), *run.figures_dir.glob("*.svg")]
    return _present(run.report_path, run.report_json_path, run.data_page_path, *figures)


def all_files(run: Run) -> list[Path]:
    """Return all files of a run that have a checksum once it is complete."""
    training = (
        *(run.config_path, run.plan_path, run.catalog_path, run.split_path, run.history_path),
        *(run.labels_path, run.none_path, run.unknown_classes_path, run.learning_curve_path),
        *(run.audit_path, run.weights_path, run.onnx_path),
        *(run.out_of_distribution_path, run.drift_reference_path),
        *run.checkpoints_dir.glob("*.npz"),
    )
    return [*_present(*training), *evaluation_files(run), *report_files(run)]


def write_checksums(run: Run) -> None:
    """Write the checksums of all files of a run; raises DiskError."""
    _save(run, {name_of(run, path): file_digest(path) for path in all_files(run)})


def load_checksums(run: Run) -> dict[str, str] | None:
    """Read the checksums by file name; None for runs of earlier versions, which have none.

    Raises:
        RunError: The file is damaged.
    """
    if not run.checksums_path.is_file():
        return None
    checksums = run.read_json(run.checksums_path).get("sha256")
    if not isinstance(checksums, dict) or not all(
        isinstance(checksum, str) for checksum in checksums.values()
    ):
        raise RunError(
            f"{run.checksums_path} is damaged: it holds no checksums.\n"
            f"Copy the run folder again, or remove that file to verify without checksums."
        )
    return checksums


@contextlib.contextmanager
def update_checksums(run: Run, files: Files) -> Iterator[None]:
    """Update the checksums of files that the block rewrites; those of other files stay.

    Args:
        run: A run; if it has no checksums yet, nothing is written.
        files: Returns the files that the block rewrites: `evaluation_files`, `report_files`.

    Raises:
        RunError: checksums.json is damaged.
        DiskError: checksums.json cannot be written.
    """
    checksums = load_checksums(run)
    if checksums is None:
        yield
        return
    old = {name_of(run, path) for path in files(run)}
    kept = {name: checksum for name, checksum in checksums.items() if name not in old}
    _save(run, kept)
    run.publish()
    yield
    _save(run, kept | {name_of(run, path): file_digest(path) for path in files(run)})
    run.publish()


def name_of(run: Run, path: Path) -> str:
    """Return the name of a file in checksums.json: its path in the run folder."""
    return path.relative_to(run.path).as_posix()


def _present(*paths: Path) -> list[Path]:
    return [path for path in paths if path.is_file()]


def _save(run: Run, checksums: dict[str, str]) -> None:
    content = {"format_version": FORMAT_VERSION, "sha256": dict(sorted(checksums.items()))}
    write_json(run.checksums_path, content)

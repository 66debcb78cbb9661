"""Compare finished runs, and list the runs in a folder."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pawsight.data.catalog import Catalog
from pawsight.data.pixel_scale import STANDARD
from pawsight.errors import ConfigError, PawsightError, RunError
from pawsight.evaluation.comparison import Comparison, compare_predictions
from pawsight.evaluation.predictions import load_predictions
from pawsight.evaluation.results import Evaluation
from pawsight.formatting import resume_command
from pawsight.models.description import ModelDescription
from pawsight.records import Part, Predictions
from pawsight.run_addresses import is_address, summaries
from pawsight.runs import Run
from pawsight.workflow.photo_sets import Source


@dataclasses.dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a list of runs.

    Attributes:
        path: The run folder; for a run at an address, its working folder in the cache.
        began: When the run began, local time.
        model: The network; "" if config.json is damaged.
        state: "complete", "stopped" (or still being trained), or "damaged".
        num_photos: The number of usable photos; None if the catalog is damaged.
        score: The main score; None before an evaluation.
        score_name: The name of the score, such as "accuracy"; "" before an evaluation.
        part: The part on which the score was measured; "" before an evaluation.
        address: The address of the run; None for a folder.
    """

    path: Path
    began: datetime
    model: str
    state: str
    num_photos: int | None
    score: float | None
    score_name: str
    part: str
    address: str | None = None


def compare(run_paths: Sequence[Source], out: Source | None = None) -> Comparison:
    """Compare finished runs on the test photos that they have in common.

    Uses the saved predictions; no photo is predicted again. Photos are identified by their
    content (SHA-256), wherever they are stored.

    Args:
        run_paths: Two run folders or more.
        out: A new HTML file that shows the photos on which the runs differ; None writes nothing.

    Returns:
        Accuracies, paired tests, and the photos with different answers.

    Raises:
        ConfigError: There are fewer than two runs, or `out` exists.
        RunError: A run is not complete, is damaged, or has several labels a photo.
        DataError: The runs have no test photo in common, or different labels for a photo.
        DiskError: The page cannot be written.
    """
    from pawsight.report.comparison_page import write_comparison_page

    # A str is a sequence of characters.
    if isinstance(run_paths, str | bytes) or len(run_paths) < 2:
        raise ConfigError("Give two runs or more to compare.")
    if out is not None and Path(out).exists():
        raise ConfigError(
            f"{out} exists, and pawsight never overwrites anything.\nGive --out another name."
        )
    runs = [Run.open(path) for path in run_paths]
    loaded = [_predictions(run) for run in runs]
    root = runs[0].load_config().root
    comparison = compare_predictions(
        [run.path for run in runs],
        [predictions for predictions, _ in loaded],
        [keys for _, keys in loaded],
        root,
        [run.mirror.address if run.mirror else None for run in runs],
    )
    if out is None:
        return comparison
    description = ModelDescription.load(runs[0])
    write_comparison_page(comparison, Path(out), description.pixel_scale or STANDARD)
    return dataclasses.replace(comparison, out=Path(out))


def list_runs(folder: Source = "runs") -> list[RunSummary]:
    """List the runs in a folder, the newest first; other folders are ignored.

    Args:
        folder: A folder, or an address, with run folders; those of a cross-validation may be
            one level deeper.

    Raises:
        RunError: There is no such folder, or the address cannot be listed.
    """
    if is_address(folder):
        runs = [Run(mirror.path).mirrored_by(mirror) for mirror in summaries(folder)]
    else:
        root = Path(folder)
        if not root.is_dir():
            raise RunError(f"There is no folder {root}.\nGive the folder that holds the runs.")
        patterns = ("config.json", "*/config.json", "*/*/config.json")
        folders = [Run(path.parent) for pattern in patterns for path in root.glob(pattern)]
        runs = [run for run in folders if run.catalog_path.is_file()]
    return sorted(map(_summary, runs), key=lambda summary: summary.began, reverse=True)


def _predictions(run: Run) -> tuple[Predictions, list[str]]:
    """Load the predictions of a run for its test photos, and a key of each photo."""
    part: Part = "test" if run.predictions_path("test").is_file() else "validation"
    if not run.is_complete:
        raise RunError(
            f"The run {run.place} is not complete.\nFinish it with: {resume_command(run.place)}"
        )
    if ModelDescription.load(run).task == "multi-label":
        raise RunError(f"{run.place} gives several labels a photo; compare is for one label.")
    predictions = load_predictions(run.predictions_path(part))
    catalog = Catalog.load(run.catalog_path, run.path)
    hashes = {photo.path: photo.sha256 for photo in catalog.photos}
    counts: Counter[str] = Counter()
    keys = []
    for path in predictions.paths:  # exact copies are numbered, to match them one by one
        key = hashes.get(path) or path
        counts[key] += 1
        keys.append(f"{key} {counts[key]}")
    return predictions, keys


def _summary(run: Run) -> RunSummary:
    evaluation, model, num_photos, state = None, "", None, "damaged"
    with contextlib.suppress(PawsightError):
        model = run.load_config().settings.model
        num_photos = len(Catalog.load(run.catalog_path, run.path).usable)
        evaluation = Evaluation.load(run) if run.metrics_path.is_file() else None
        state = "complete" if run.is_complete else "stopped"
    metrics = evaluation.main if evaluation else None
    return RunSummary(
        path=run.path,
        address=run.mirror.address if run.mirror else None,
        began=_began(run),
        model=model,
        state=state,
        num_photos=num_photos,
        score=metrics.scores.get(metrics.main_score) if metrics else None,
        score_name=metrics.main_score.replace("_", " ") if metrics else "",
        part=evaluation.headline if evaluation else "",
    )


def _began(run: Run) -> datetime:
    """Return when a run began: the time in its log, which copying the folder does not change."""
    with contextlib.suppress(OSError, ValueError), run.log_path.open(encoding="utf-8") as file:
        return datetime.strptime(file.readline()[:19], "%Y-%m-%d %H:%M:%S")
    return datetime.fromtimestamp(run.config_path.stat().st_mtime)

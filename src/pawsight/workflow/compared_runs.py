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
    """One line about a run.

    Attributes:
        path: The run folder.
        began: When it began, local time.
        model: The network; "" where none was chosen yet.
        state: "complete", or the stage at which it stands: "training".
        num_photos: Photos that are used; None where there is no catalog.
        score: The score to quote; None before an evaluation.
        score_name: Its name, such as "accuracy"; "" before an evaluation.
        part: The part that it is of; "" before an evaluation.
        address: Of a run at an address, whose path is a working folder in the cache.
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

    Uses the saved predictions; no photo is predicted again. A photo is the same where its
    content is (SHA-256), wherever it is stored.

    Args:
        run_paths: Two run folders or more.
        out: A new HTML file that shows the photos on which they differ; None writes nothing.

    Returns:
        Accuracies, paired tests, and the photos that changed.

    Raises:
        ConfigError: There are fewer than two runs.
        RunError: A run is not complete, damaged, or has several labels a photo.
        DataError: They have no test photo in common, or different labels for one.
        DiskError: The page cannot be written.
    """
    from pawsight.report.comparison_page import write_comparison_page

    # A text is a sequence as well: of its letters.
    if isinstance(run_paths, str | bytes) or len(run_paths) < 2:
        raise ConfigError("Give two runs or more to compare.")
    runs = [Run.open(path) for path in run_paths]
    loaded = [_predictions(run) for run in runs]
    root = runs[0].load_config().root
    found = compare_predictions(
        [run.path for run in runs],
        [one for one, _ in loaded],
        [keys for _, keys in loaded],
        root,
        [run.mirror.address if run.mirror else None for run in runs],
    )
    if out is None:
        return found
    path = Path(out)
    if path.exists():
        raise ConfigError(
            f"{path} exists, and pawsight never overwrites anything.\nGive --out another name."
        )
    description = ModelDescription.load(runs[0])
    write_comparison_page(found, path, description.pixel_scale or STANDARD)
    return dataclasses.replace(found, out=path)


def list_runs(folder: Source = "runs") -> list[RunSummary]:
    """List the runs in a folder, the newest first; what is no run is passed over.

    Args:
        folder: The folder that holds run folders, also those of a cross-validation one level
            deeper.

    Raises:
        RunError: There is no such folder.
    """
    if is_address(folder):
        runs = [Run(one.path).mirrored_by(one) for one in summaries(folder)]
    else:
        root = Path(folder)
        if not root.is_dir():
            raise RunError(f"There is no folder {root}.\nGive the folder that holds the runs.")
        patterns = ("config.json", "*/config.json", "*/*/config.json")
        places = [Run(place.parent) for pattern in patterns for place in root.glob(pattern)]
        runs = [run for run in places if run.catalog_path.is_file()]
    return sorted(map(_summary, runs), key=lambda one: one.began, reverse=True)


def _predictions(run: Run) -> tuple[Predictions, list[str]]:
    """Load predictions on the test photos of a run, and a key of each photo."""
    part: Part = "test" if run.predictions_path("test").is_file() else "validation"
    if not run.is_complete:
        raise RunError(
            f"The run {run.place} is not complete.\nFinish it with: {resume_command(run.place)}"
        )
    if ModelDescription.load(run).task == "multi-label":
        raise RunError(f"{run.place} gives several labels a photo; compare is for one label.")
    found = load_predictions(run.predictions_path(part))
    catalog = Catalog.load(run.catalog_path, run.path)
    hashes = {photo.path: photo.sha256 for photo in catalog.photos}
    seen: Counter[str] = Counter()
    keys = []
    for path in found.paths:  # of exact copies, the first is matched with the first
        key = hashes.get(path) or path
        seen[key] += 1
        keys.append(f"{key} {seen[key]}")
    return found, keys


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
    """Return when the first line of the log was written, which a copy of the run keeps."""
    with contextlib.suppress(OSError, ValueError), run.log_path.open(encoding="utf-8") as file:
        return datetime.strptime(file.readline()[:19], "%Y-%m-%d %H:%M:%S")
    return datetime.fromtimestamp(run.config_path.stat().st_mtime)

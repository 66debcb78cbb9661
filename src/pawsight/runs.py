"""The run folder: everything about one run, in plain formats, under names known only here.

    config.json  plan.json  state.json  catalog.csv  split.csv  history.csv  log.txt
    checkpoints/latest.npz
    model/model.json  model/model.weights.h5  model/model.onnx
    evaluation/metrics.json  evaluation/predictions-<part>.csv  evaluation/curves.json
    audit.json  data.html  figures/*.png  figures/*.svg  report.html
    exports/<format>/

Each file is written beside its name and then moved onto it, so that a killed
process leaves the old file or the new one and never half of one. Described for
users in docs/run-folder.md.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from pawsight.errors import RunError
from pawsight.records import Part
from pawsight.storage.atomic import make_dir, plain_name

FORMAT_VERSION = 1


class Run:
    """A run folder and the names in it, or the folder `model` of one by itself.

    Making one opens and writes nothing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        is_model_alone = (self.path / "model.json").is_file()
        model_dir = self.path if is_model_alone else self.path / "model"
        self.config_path = self.path / "config.json"
        self.plan_path = self.path / "plan.json"
        self.state_path = self.path / "state.json"
        self.catalog_path = self.path / "catalog.csv"
        self.split_path = self.path / "split.csv"
        self.history_path = self.path / "history.csv"
        self.log_path = self.path / "log.txt"
        self.audit_path = self.path / "audit.json"
        self.data_page_path = self.path / "data.html"
        self.report_path = self.path / "report.html"
        self.figures_dir = self.path / "figures"
        self.latest_checkpoint_path = self.path / "checkpoints" / "latest.npz"
        self.model_path = model_dir / "model.json"
        self.weights_path = model_dir / "model.weights.h5"
        self.onnx_path = model_dir / "model.onnx"
        self.metrics_path = self.path / "evaluation" / "metrics.json"
        self.curves_path = self.path / "evaluation" / "curves.json"

    @classmethod
    def create(
        cls, out: str | os.PathLike[str] | None, source_name: str, parent: Path = Path("runs")
    ) -> Run:
        """Make a new, empty run folder.

        Args:
            out: The folder; it must not exist or must be empty. None makes
                `<parent>/<date>-<time>-<source>`, numbered if that is taken.
            source_name: What the photos are called, for the default name.
            parent: Where a folder goes that has the default name.

        Raises:
            RunError: `out` holds something already.
            DiskError: The folder cannot be made.
        """
        if out is not None:
            folder = Path(out)
            if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
                raise RunError(
                    f"{folder} already holds something, and a run never overwrites another.\n"
                    f"Choose another --out folder, or remove this one first."
                )
            make_dir(folder)
            return cls(folder)
        name = f"{datetime.now():%Y-%m-%d-%H%M%S}-{plain_name(source_name)}"
        for number in range(1, 1000):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                make_dir(folder, exist_ok=False)
                return cls(folder)
        raise RunError(f"{parent / name} and 998 numbered names after it are taken.")

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Run:
        """Open an existing run folder.

        Args:
            path: The run folder. Its folder `model` stands for the run; a copy of
                that folder alone is a run that has only a model.

        Raises:
            RunError: There is no run in that folder.
        """
        run = cls(path)
        if not run.path.is_dir():
            raise RunError(f"There is no run folder {run.path}.\nRuns made here: see runs/.")
        whole = cls(run.path.parent)
        if run.path.name == "model" and whole.config_path.is_file():
            return whole
        if not run.config_path.is_file() and not run.model_path.is_file():
            raise RunError(
                f"{run.path} is not a run folder: it has neither {run.config_path.name} nor "
                f"model/model.json.\n"
                f"Give the folder that `pawsight train` named at its end, or its folder model."
            )
        return run

    def predictions_path(self, part: Part) -> Path:
        """Where the predictions of one part are kept."""
        return self.path / "evaluation" / f"predictions-{part}.csv"

    def export_dir(self, format_name: str) -> Path:
        """Where the model goes in another format."""
        return self.path / "exports" / format_name

    def evaluation_dir(self, source_name: str) -> Path:
        """Where the evaluation on other photos is kept, apart from the run's own."""
        return self.path / "evaluation" / plain_name(source_name)

    @property
    def metrics(self) -> dict[str, Any]:
        """The saved metrics: one entry per evaluated part."""
        return self.read_json(self.metrics_path)

    @property
    def is_complete(self) -> bool:
        """Whether training went to its end and the model was written."""
        return self.state_path.is_file() and self.read_json(self.state_path)["stage"] == "complete"

    def read_json(self, path: Path) -> dict[str, Any]:
        """Read one of the run's JSON files.

        Raises:
            RunError: It is missing or damaged.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.path} has no {path.relative_to(self.path)}: the run did not get that far.\n"
                f"Finish it with: pawsight resume {self.path}"
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(
                f"{path} cannot be read ({error}); the run folder is damaged."
            ) from error
        if not isinstance(found, dict):
            raise RunError(f"{path} does not hold what a run folder holds there.")
        return found

    def _repr_html_(self) -> str:
        """Show the curves inline in a notebook."""
        figures = sorted(self.figures_dir.glob("*.png"))
        images = "".join(
            f'<img alt="{figure.stem}" style="max-width:48%" src="data:image/png;base64,'
            f'{base64.b64encode(figure.read_bytes()).decode()}">'
            for figure in figures
        )
        return f"<p>pawsight run <code>{html.escape(str(self.path))}</code></p>{images}"

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def results_dir(kind: str, source: str | os.PathLike[str]) -> Path:
    """Choose where results go that the user named no folder for: here, but not among the photos.

    Args:
        kind: The folder's name: "runs" or "audits".
        source: The photos; if they are a folder and we stand in it, `kind` goes beside it.
    """
    photos = Path(source)
    if photos.is_dir() and Path.cwd().is_relative_to(photos.resolve()):
        return photos.resolve().parent / kind
    return Path(kind)


def check_outside(folder: str | os.PathLike[str], source: str | os.PathLike[str]) -> None:
    """Refuse to write results among the photos.

    Raises:
        RunError: `source` is a folder and `folder` lies in it.
    """
    photos = Path(source)
    if photos.is_dir() and Path(folder).resolve().is_relative_to(photos.resolve()):
        raise RunError(
            f"{folder} lies in {photos}, and nothing is ever written among the photos.\n"
            f"Choose another --out folder."
        )

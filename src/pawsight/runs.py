"""The run folder: the names of its files are defined only here.

    config.json  plan.json  state.json  catalog.csv  split.csv  labels.csv  history.csv  log.txt
    checkpoints/latest.npz  checkpoints/previous.npz  exports/<format>/  earlier.csv  audit.json
    model/model.json  model/model.weights.h5  model/model.onnx  model/model.keras
    model/out_of_distribution.npz  model/drift_reference.npz  figures/*.png  figures/*.svg
    evaluation/metrics.json  predictions-<part>.csv  curves.json  none.json  shortcuts.json
    learning_curve.json  robustness.json  unknown_classes.json  data.html  checksums.json  report.*
    second/averaging.json  second/plan.json  second/history.csv  second/checkpoints/

A killed process leaves the old file or the new one. Described in docs/run-folder.md.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pawsight import run_addresses
from pawsight.errors import DiskError, RunError, first_line, first_problem
from pawsight.formatting import resume_command
from pawsight.records import Part
from pawsight.results_folders import default_dirs
from pawsight.storage.atomic import plain_name
from pawsight.storage.atomic_folder import new_folder
from pawsight.storage.devices import refuse_devices

if TYPE_CHECKING:
    from pawsight.run_config import RunConfig
    from pawsight.storage.mirrored_folder import MirroredFolder

FORMAT_VERSION = 1
_RESTORE = "Copy that file from a backup, or train a new run on the same photos."


class Run:
    """The paths of a run folder, or of its folder `model` alone."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        model_dir = self.path if (self.path / "model.json").is_file() else self.path / "model"
        self.config_path = self.path / "config.json"
        self.plan_path = self.path / "plan.json"
        self.state_path = self.path / "state.json"
        self.catalog_path = self.path / "catalog.csv"
        self.split_path = self.path / "split.csv"
        self.earlier_path = self.path / "earlier.csv"
        self.labels_path = self.path / "labels.csv"
        self.corrections_path = self.path / "corrections.csv"
        self.history_path = self.path / "history.csv"
        self.log_path = self.path / "log.txt"
        self.lock_path = self.path / ".lock"
        self.checksums_path = self.path / "checksums.json"
        self.audit_path = self.path / "audit.json"
        self.data_page_path = self.path / "data.html"
        self.report_path = self.path / "report.html"
        self.report_json_path = self.path / "report.json"
        self.figures_dir = self.path / "figures"
        self.checkpoints_dir = self.path / "checkpoints"
        self.second_dir = self.path / "second"  # of a second network, trained in the same run
        self.averaging_path = self.second_dir / "averaging.json"
        self.mirroring_path = self.path / "mirroring.json"
        self.model_path = model_dir / "model.json"
        self.weights_path = model_dir / "model.weights.h5"
        self.keras_path = model_dir / "model.keras"  # of the user's own network
        self.onnx_path = model_dir / "model.onnx"
        self.out_of_distribution_path = model_dir / "out_of_distribution.npz"
        self.drift_reference_path = model_dir / "drift_reference.npz"
        self.metrics_path = self.path / "evaluation" / "metrics.json"
        self.none_path = self.path / "evaluation" / "none.json"
        self.unknown_classes_path = self.path / "evaluation" / "unknown_classes.json"
        self.shortcuts_path = self.path / "evaluation" / "shortcuts.json"
        self.learning_curve_path = self.path / "evaluation" / "learning_curve.json"
        self.robustness_path = self.path / "evaluation" / "robustness.json"
        self.curves_path = self.path / "evaluation" / "curves.json"

    @classmethod
    def create(
        cls,
        out: str | os.PathLike[str] | None,
        source_name: str,
        parent: Path,
        write: Callable[[Run], None],
    ) -> Run:
        """Create a run folder at once: a killed process leaves a complete folder or none.

        Args:
            out: The folder or address, new or empty. None: the first of `default_dirs`.
            source_name: The name of the photos, for the default name.
            parent: The parent of a folder with a default name.
            write: Writes all files that `resume` needs, config.json last.

        Raises:
            RunError: `out` is not empty.
            DiskError: The folder cannot be created.
        """
        if out is not None:
            check_new(out)
        if out is not None and run_addresses.is_address(out):
            mirrored = run_addresses.mirror_at(out)
            return cls.create(mirrored.path, source_name, parent, write).mirrored_by(mirrored)
        for folder in default_dirs(source_name, parent) if out is None else [Path(out)]:
            try:
                with new_folder(folder) as temporary:
                    write(cls(temporary))
                return cls(folder)
            except DiskError:
                if out is None and folder.exists():
                    continue  # another run has taken that name meanwhile
                if not folder.is_dir() or any(folder.iterdir()):
                    raise
                write(cls(folder))  # a mounted folder, which cannot be replaced
                return cls(folder)
        raise RunError(f"All names for a new run in {parent} are taken.\nGive one with --out.")

    @classmethod
    def open(cls, path: str | os.PathLike[str], is_whole: bool = False) -> Run:
        """Open an existing run folder.

        Args:
            path: The run folder; its folder `model`, or a copy of that folder; or an address,
                whose working folder in the cache is updated. An opened run at an address is
                returned as it is, since it may know a password.
            is_whole: Whether checkpoints are copied from an address, too.

        Raises:
            RunError: There is no run in that folder, or it has a device or pipe, which could be
                endless.
        """
        if isinstance(path, Run) and path.mirror is not None:
            return path
        if run_addresses.is_address(path):
            mirrored = run_addresses.fetched(path, is_whole)
            return cls(mirrored.path).mirrored_by(mirrored)
        run = cls(path)
        if not run.path.is_dir():
            raise RunError(f"There is no run folder {run.path}.\nRuns are listed by: pawsight runs")
        whole = cls(run.path.parent)
        if run.path.name == "model" and whole.config_path.is_file():
            return whole
        if not run.config_path.is_file() and not run.model_path.is_file():
            raise RunError(
                f"{run.path} is not a run folder: it has neither {run.config_path.name} nor "
                f"model/model.json.\n"
                f"Give the folder that `pawsight train` named at its end, or its folder model."
            )
        refuse_devices(run.path)
        return run

    def predictions_path(self, part: Part) -> Path:
        """Return the file of the predictions for one part."""
        return self.path / "evaluation" / f"predictions-{part}.csv"

    def export_dir(self, format_name: str) -> Path:
        """Return the folder of an export."""
        return self.path / "exports" / format_name

    def evaluation_dir(self, source_name: str) -> Path:
        """Return the folder of an evaluation on photos that are not the run's own."""
        return self.path / "evaluation" / plain_name(source_name)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training this run while the block runs.

        Raises:
            RunError: Another process trains the run; the message names it.
        """

        def refuse(owner: str) -> None:
            raise RunError(
                f"The run {self.place} is being trained by {owner}.\n"
                f"Wait until it ends, or stop it first."
            )

        from pawsight.storage.locks import locked  # with SQLite, which predicting does not need

        with contextlib.ExitStack() as stack:
            # On a drive without locks the run is trained without a lock.
            with contextlib.suppress(OSError):
                stack.enter_context(locked(self.lock_path, refuse))
            yield

    @cached_property
    def mirror(self) -> MirroredFolder | None:
        """The mirror that copies the run to its address; None for a run without one."""
        return run_addresses.mirror_of(self.path)

    def mirrored_by(self, mirrored: MirroredFolder) -> Run:
        """Set the mirror of this run, and return the run."""
        self.mirror = mirrored
        return self

    @property
    def place(self) -> str:
        """The address of the run, without secrets, or its folder."""
        return self.mirror.address if self.mirror else str(self.path)

    def publish(self) -> None:
        """Copy changed files to the address of the run, if it has one; raises RunError."""
        if self.mirror:
            self.mirror.publish()

    @property
    def metrics(self) -> dict[str, Any]:
        """The saved metrics: one entry per evaluated part."""
        return self.read_json(self.metrics_path)

    @property
    def is_complete(self) -> bool:
        """Whether training was completed; raises RunError if state.json is damaged."""
        if not self.state_path.is_file():
            return False
        stage = self.read_json(self.state_path).get("stage")
        if not isinstance(stage, str):
            raise RunError(
                f"{self.state_path} is damaged: it names no stage.\n"
                f"Remove that file, then continue with: {resume_command(self.place)}"
            )
        return stage == "complete"

    def load_config(self) -> RunConfig:
        """Read config.json.

        Raises:
            RunError: config.json is missing, damaged, or of another version.
        """
        from pydantic import ValidationError

        from pawsight.run_config import RunConfig

        try:
            return RunConfig.model_validate(self.read_json(self.config_path))
        except ValidationError as error:
            raise RunError(
                f"{self.config_path} is damaged or of another version of pawsight "
                f"({first_problem(error)}).\nStart a new run on the same photos."
            ) from error

    def read_json(self, path: Path) -> dict[str, Any]:
        """Read one of the run's JSON files.

        Raises:
            RunError: It is missing or damaged.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.place} has no {path.relative_to(self.path)}: the run is not finished.\n"
                f"Finish it with: {resume_command(self.place)}"
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(
                f"{path} cannot be read ({first_line(error)}); the run is damaged.\n{_RESTORE}"
            ) from error
        if not isinstance(content, dict):
            raise RunError(f"{path} is damaged: it does not hold a JSON object.\n{_RESTORE}")
        return content

    def _repr_html_(self) -> str:
        """Return HTML with the figures for a notebook."""
        images = "".join(
            f'<img alt="{figure.stem}" style="max-width:48%" src="data:image/png;base64,'
            f'{base64.b64encode(figure.read_bytes()).decode()}">'
            for figure in sorted(self.figures_dir.glob("*.png"))
        )
        return f"<p>pawsight run <code>{html.escape(str(self.path))}</code></p>{images}"

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def check_new(out: str | os.PathLike[str]) -> None:
    """Check that the folder or address of a new run is absent or empty; raises RunError."""
    if run_addresses.is_address(out):
        return run_addresses.check_new(out)
    folder = Path(out)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        text = f"{folder} is not empty, and a run never overwrites another.\n"
        with contextlib.suppress(RunError):  # its state cannot be read; it may not be a run
            if Run(folder).config_path.is_file() and not Run(folder).is_complete:
                text += f"Continue that one with: {resume_command(folder)}\n"
        raise RunError(f"{text}Choose another --out folder, or remove this one first.")

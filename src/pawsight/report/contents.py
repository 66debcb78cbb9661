"""Load the records of a run folder for its report; records that the run did not write are empty."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawsight.data.auditing.findings import Audit
from pawsight.data.catalog import Catalog
from pawsight.evaluation.curve_records import Curves, load_curves
from pawsight.evaluation.photo_needs import LearningCurve, load_curve
from pawsight.evaluation.predictions import load_predictions
from pawsight.evaluation.results import Evaluation, LostPhoto, PartMetrics
from pawsight.evaluation.robustness import Robustness
from pawsight.evaluation.shortcut_use import ShortcutUse, load_shortcuts
from pawsight.history import Epoch, load_history
from pawsight.models import builtin
from pawsight.models.builtin.training_photos import network_photos
from pawsight.models.description import ModelDescription
from pawsight.records import Part, Predictions
from pawsight.runs import Run
from pawsight.task import MULTI_LABEL, SINGLE_LABEL, Task
from pawsight.training.average_choice import AverageChoice, MirrorChoice
from pawsight.training.plan import HeadPlan, Plan, load_plan

_MIN_SHARE = 0.01  # of the photos of a part


@dataclass(frozen=True, slots=True)
class Contents:
    """The records of a run folder."""

    run: Run
    config: dict[str, Any]
    plan: Plan | HeadPlan | None  # decided before training
    model: ModelDescription | None
    history: list[Epoch]
    averaging: AverageChoice | None  # comparison with an average of two networks
    mirroring: MirrorChoice | None  # comparison with an average over mirror images
    evaluation: Evaluation | None
    curves: dict[Part, Curves]
    task: Task
    catalog: Catalog | None
    audit: Audit | None  # findings on the photos
    predictions: Predictions | None  # for the headline part
    learning_curve: LearningCurve | None  # None if it was not measured
    robustness: Robustness | None  # None if it was not measured
    shortcuts: list[ShortcutUse]  # cues that separate the classes, and whether the model uses them
    # Photos of the headline part that the built-in network was trained on; 0 for other networks. It
    # is also 0 below 1 % of the part, since so few hashes may be equal by chance.
    num_network_photos: int

    @property
    def comparisons(self) -> list[tuple[str, str]]:
        """Rows of (name, text) on the comparisons of the trained network with averages."""
        choices = ("second network", self.averaging), ("mirror images", self.mirroring)
        return [(name, choice.in_words()) for name, choice in choices if choice is not None]

    @classmethod
    def load(cls, run: Run) -> Contents:
        """Read the run folder.

        Raises:
            RunError: A file of the run is damaged.
        """

        def json_of(path: Path) -> dict[str, Any]:
            return run.read_json(path) if path.is_file() else {}

        config = json_of(run.config_path)
        model = ModelDescription.load(run) if run.model_path.is_file() else None
        task = model.labelling if model else _planned_task(config)
        evaluation = Evaluation.load(run) if run.metrics_path.is_file() else None
        root = Path(config.get("root", ""))
        predictions = None
        if evaluation and (path := run.predictions_path(evaluation.headline)).is_file():
            predictions = load_predictions(path, task)
        plan = load_plan(run) if run.plan_path.is_file() else None
        catalog = Catalog.load(run.catalog_path, root, task) if run.catalog_path.is_file() else None
        return cls(
            run=run,
            config=config,
            plan=plan,
            model=model,
            history=load_history(run.history_path) if run.history_path.is_file() else [],
            averaging=AverageChoice.load(run),
            mirroring=MirrorChoice.load(run),
            evaluation=evaluation,
            curves=load_curves(run),
            task=task,
            catalog=catalog,
            audit=Audit.from_json(run.read_json(run.audit_path), run.audit_path)
            if run.audit_path.is_file()
            else None,
            predictions=predictions,
            learning_curve=load_curve(run.learning_curve_path),
            robustness=Robustness.load(run.robustness_path),
            shortcuts=load_shortcuts(run.shortcuts_path),
            num_network_photos=_num_network_photos(catalog, plan, evaluation),
        )

    @property
    def root(self) -> Path:
        """Folder that the paths of the photos are relative to."""
        return Path(self.config.get("root", ""))

    @property
    def name(self) -> str:
        """Name of the set of photos, for display."""
        source = Path(self.config.get("source", "")).name
        return self.config.get("name") or source or self.run.path.name

    @property
    def is_head(self) -> bool:
        """Whether only a linear head was fitted, without training steps."""
        return isinstance(self.plan, HeadPlan)

    @property
    def part(self) -> Part | None:
        """Part whose score is the headline."""
        return self.evaluation.headline if self.evaluation else None

    @property
    def metrics(self) -> PartMetrics | None:
        """Metrics of that part."""
        return self.evaluation.main if self.evaluation else None

    @property
    def curve_metrics(self) -> PartMetrics | None:
        """Metrics of the part on which the model is compared with its learning curve.

        None if the model was not evaluated on that part.
        """
        curve = self.learning_curve
        if curve is None or curve.part is None or self.evaluation is None:
            return self.metrics
        return self.evaluation.parts.get(curve.part)

    @property
    def forecast(self) -> LearningCurve | None:
        """Learning curve, with the classes whose forecasts hold for the model.

        None if the accuracy of the model differs from the expected accuracy, or if the forecast
        is too uncertain.
        """
        curve, metrics = self.learning_curve, self.curve_metrics
        if curve is None or metrics is None or not curve.is_certain:
            return None
        interval = metrics.intervals.get("accuracy")
        if interval and not curve.agrees_with(interval):
            return None
        return curve.only_classes_of(
            {name: of_class.recall_interval for name, of_class in metrics.per_class.items()}
        )

    @property
    def lost(self) -> tuple[LostPhoto, ...]:
        """Photos that could no longer be read."""
        return self.evaluation.lost if self.evaluation else ()


def _planned_task(config: dict[str, Any]) -> Task:
    is_multi_label = config.get("settings", {}).get("source", {}).get("multi_label", False)
    return MULTI_LABEL if is_multi_label else SINGLE_LABEL


def _num_network_photos(
    catalog: Catalog | None, plan: Plan | HeadPlan | None, evaluation: Evaluation | None
) -> int:
    if catalog is None or plan is None or evaluation is None or plan.model != builtin.NAME:
        return 0
    count = len(network_photos(catalog, evaluation.headline))
    return count if count >= _MIN_SHARE * len(catalog.part(evaluation.headline)) else 0

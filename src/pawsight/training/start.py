"""Start a run from an earlier run, or from a file of a pawsight model (`--start-from`).

The earlier run's settings are the defaults, and its photos keep their parts. If its network was
trained in steps, training starts from its weights. A linear head is fitted again to all photos,
which takes seconds and gives the same model as a run from scratch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, RunError, first_line
from pawsight.formatting import resume_command
from pawsight.history import best_epoch, load_history
from pawsight.models.description import ModelDescription
from pawsight.models.network import Network, plain
from pawsight.models.onnx_graph import load_onnx
from pawsight.models.registry import AUTO, find_network
from pawsight.run_addresses import is_address
from pawsight.runs import Run
from pawsight.training.plan import HeadPlan, load_plan

if TYPE_CHECKING:
    import keras

    from pawsight.training.plan import Plan
    from pawsight.training.warm_start import WarmStart

# Settings that are taken from the earlier run. The source is not, since its photos may have moved.
_INHERITED = (
    *("model", "weights", "finetune", "image_size", "resize", "keep_truncated", "pixels"),
    *("class_weights", "split"),
)
# pawsight.json first: it is in exports of a format that has a model.json of its own.
_DESCRIPTIONS = ("pawsight.json", "model.json")
_SUFFIXES = (".h5", ".keras", ".onnx")


@dataclass(frozen=True, slots=True)
class Start:
    """A model to start from."""

    path: Path  # of the run or file, on this machine
    place: str  # as the user gave it: an absolute path, or an address without secrets
    description: ModelDescription
    # The model's run; None if there is only the model, whose training photos are unknown.
    run: Run | None
    # The file of the weights to start from; None for a linear head on frozen features, which is
    # fitted again.
    weights_path: Path | None

    @property
    def network(self) -> Network:
        """The network that training continues with: of an average, its fine-tuned member."""
        return self._whole.base

    @property
    def _whole(self) -> Network:
        network = find_network(self.description.architecture or "")
        return network.with_options(self.description.options)

    @property
    def key(self) -> str | None:
        """A key of the weights; None if there are no weights to start from."""
        if self.weights_path is None:
            return None
        return f"start-{hashlib.sha256(self.weights_path.read_bytes()).hexdigest()[:32]}"

    def settings(self, config: TrainConfig) -> TrainConfig:
        """Return the settings of a run that starts from this model, with inherited defaults.

        Raises:
            ConfigError: The settings require another network, image size or training.
        """
        given = {name: getattr(config, name) for name in config.model_fields_set}
        if plain(str(given.get("model", ""))) == AUTO:
            del given["model"]
        name = self.network.name
        if "model" in given and find_network(given["model"]).name != name:
            raise ConfigError(
                f"{self.place} is a model '{name}', so that training cannot continue from it with "
                f"--model {config.model}.\nLeave --model out, or start a new run without "
                f"--start-from."
            )
        chosen = {**self._earlier_settings(), **given}
        if self.weights_path is not None:
            chosen = self._with_weights(chosen, given)
        return TrainConfig(**{**chosen, "start_from": self.place})

    def _earlier_settings(self) -> dict[str, Any]:
        if self.run is None:
            return {
                "model": self.network.name,
                "image_size": self.description.image_size,
                "resize": self.description.resize,
            }
        settings = self.run.load_config().settings
        inherited = {name: getattr(settings, name) for name in _INHERITED}
        cleared = {"keep": None, "folds": None, "fold": 1}
        inherited["split"] = settings.split.model_copy(update=cleared)
        return inherited

    def _with_weights(self, chosen: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a run that begins with the weights of the model."""
        network, size = self.network, self.description.image_size
        settings = TrainConfig(**chosen)
        if settings.weights is not None and "weights" in given:
            raise ConfigError(
                f"--weights and --start-from both choose the initial weights.\nLeave one out: "
                f"--start-from takes the weights of {self.place}."
            )
        if network.has_weights and given.get("finetune") is False:
            raise ConfigError(
                f"{self.place} was fine-tuned, but without fine-tuning its weights are not "
                f"used.\nLeave finetune=False out, or start a new run without --start-from."
            )
        if not network.fits_any_size and settings.image_size not in (None, size):
            height, width = size
            raise ConfigError(
                f"The model '{network.name}' in {self.place} takes images of {height}x{width} "
                f"pixels, and its weights fit no other size.\nLeave --image-size out, or start a "
                f"new run without --start-from."
            )
        fixed = {} if network.fits_any_size else {"image_size": size}
        return {**chosen, **fixed, "finetune": network.has_weights}

    def build(self, plan: Plan) -> keras.Model:
        """Build the network for a plan, with the weights of the model; needs TensorFlow.

        Raises:
            ModelError: The file is damaged, or does not have the network's weights.
        """
        from pawsight.models.carried_weights import carry_over, load_weights_file
        from pawsight.training.finetune import freeze_normalization

        assert self.weights_path is not None
        network = self.network
        whole = load_weights_file(self._whole, self.description, self.weights_path)
        earlier = self._whole.base_model(whole)
        names = plan.class_names
        model = network.build(len(names), plan.image_size, plan.precision, any_size=True)
        carry_over(earlier, self.description.class_names, model, names)
        if network.has_weights:
            freeze_normalization(model)
        return model

    def warm_start(self, config: TrainConfig) -> WarmStart:
        """Return the warm start from the weights of the model; needs TensorFlow."""
        from pawsight.training.finetune import pretrained_start
        from pawsight.training.session import FINISH_SECONDS, precision_of
        from pawsight.training.warm_start import WarmStart

        if self.network.has_weights:
            return pretrained_start(
                self.network.name, config, self.build, self.key, error=self._error()
            )
        return WarmStart(
            self.build, None, precision_of(config), FINISH_SECONDS, self.key, error=self._error()
        )

    def _error(self) -> float | None:
        """Return the model's validation error, 0..1; None if it is unknown."""
        if self.run is None or not self.run.history_path.is_file():
            return None
        return 1 - best_epoch(load_history(self.run.history_path)).validation_accuracy


def open_start(where: str, model: str | None = None) -> Start:
    """Find the model to start from.

    Args:
        where: A run folder, its address, or its folder `model`; a folder that `pawsight export`
            made; or a file in such a folder: model.weights.h5, model.onnx, model.keras.
        model: The network's name, for an export whose description does not name it.

    Raises:
        ConfigError: There is no such file or folder, no model in it, or a multi-label model.
        RunError: The run is not finished, or damaged.
    """
    opened = Run.open(where) if is_address(where) else None
    path = Path(where).expanduser() if opened is None else opened.path
    place = str(path.absolute()) if opened is None else opened.place
    if not path.exists():
        raise ConfigError(
            f"There is no {path} to start from.\nGive --start-from a run folder, or a file of a "
            f"model's weights. A run that began with it needs it until it is finished."
        )
    folder = path if path.is_dir() else path.parent
    run = _run_of(folder)
    if run is not None and not run.is_complete:
        raise RunError(
            f"The run {run.place} is not finished, so that training cannot start from it.\n"
            f"Continue with: {resume_command(run.place)}"
        )
    json_path = run.model_path if run is not None else _description_path(folder, path)
    description = ModelDescription.load(Run(json_path.parent), json_path)
    if description.labelling.is_multi_label:
        raise ConfigError(
            f"The model in {json_path.parent} is a multi-label model, but training can start only "
            f"from models with one label per photo.\nTrain on all photos, without --start-from."
        )
    if description.architecture is None:
        if model is None or plain(model) == AUTO:
            raise ConfigError(
                f"{json_path} does not name the network of the model.\nName it with --model, or "
                f"give the run folder that the model was exported from."
            )
        description = description.model_copy(update={"architecture": find_network(model).name})
    return Start(path, place, description, run, _weights(path, folder, run, description))


def _run_of(folder: Path) -> Run | None:
    """Return the run of a folder: a run folder, its folder `model`, or one of its exports."""
    folder = folder.absolute()
    if folder.name == "model":
        folder = folder.parent
    elif folder.parent.name == "exports":
        folder = folder.parents[1]
    run = Run(folder)
    return run if run.config_path.is_file() else None


def _description_path(folder: Path, path: Path) -> Path:
    for candidate in (*(folder / name for name in _DESCRIPTIONS), Run(folder).model_path):
        if candidate.is_file():
            return candidate
    raise ConfigError(
        f"There is no model.json beside {path}, which names the classes of the model.\n"
        f"Give --start-from a run folder, its folder model, or a folder that pawsight export made."
        if path.is_file()
        else f"There is no model in {path}.\nGive --start-from a run folder, or a model's weights."
    )


def _weights(
    path: Path, folder: Path, run: Run | None, description: ModelDescription
) -> Path | None:
    """Return the file of the weights to start from; None if only a head was fitted."""
    network = find_network(description.architecture or "")
    if run is not None:
        if network.has_weights and isinstance(load_plan(run), HeadPlan):
            return None
        candidates = [run.weights_path]
    elif path.is_file():
        # An ONNX file was made from the weights beside it.
        candidates = [Run(folder).weights_path, path] if path.suffix == ".onnx" else [path]
    else:
        files = Run(folder)
        candidates = [files.weights_path, folder / "model.keras", files.onnx_path]
    weights = next((candidate for candidate in candidates if candidate.is_file()), None)
    if weights is None or weights.suffix not in _SUFFIXES:
        raise ConfigError(
            f"There are no weights in {path} to start from.\nGive a run folder, or one of its "
            f"files: {Run(folder).weights_path.name}, model.keras or model.onnx."
        )
    if weights.suffix == ".onnx" and network.has_weights and _is_fitted_head(weights):
        return None
    return weights


def _is_fitted_head(path: Path) -> bool:
    """Return whether an ONNX file is a head on a frozen network: only then it outputs features."""
    try:
        return any(output.name == "features" for output in load_onnx(path).graph.output)
    except Exception as error:  # onnx' errors share no base class
        raise ConfigError(f"{path} cannot be read as ONNX ({first_line(error)}).") from error

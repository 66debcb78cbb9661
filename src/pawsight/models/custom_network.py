"""Networks that a function of the user builds, for `pawsight.train(..., build=...)`.

Only a function that the user passes in this process is called: no run folder and no model file can
name code to run. A run keeps the network as model.keras beside its weights. Keras loads this file
without the function, unless the network has custom layers.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from pawsight.config import AugmentConfig
from pawsight.errors import ConfigError, ModelError, RunError, first_line
from pawsight.models.description import ModelDescription
from pawsight.models.network import Family, Network
from pawsight.models.recipe import Recipe
from pawsight.records import OpenSize
from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow

if TYPE_CHECKING:
    import keras

PREFIX = "own:"
Build = Callable[[tuple[int, int], int], Any]
_registered: dict[str, Build] = {}  # the functions passed in this process, by name of the network

_EXPECTED = (
    "The function receives (image_size, classes), the (height, width) in pixels and the number of "
    "classes, and returns a functional or sequential keras.Model from images float32 "
    "[N, height, width, 3] with values 0..255 to logits [N, classes], or to their softmax."
)


@dataclass(frozen=True, kw_only=True)
class CustomNetwork(Network):
    """A network that a function of the user builds."""

    keeps_keras: ClassVar[bool] = True
    can_mirror: ClassVar[bool] = False  # the network stays what the function built

    def check_available(self) -> None:
        """Refuse a network whose function was not passed in this process; raises ConfigError."""
        if self.name not in _registered:
            function = self.name.removeprefix(PREFIX)
            raise ConfigError(
                f"The network is built by your function {function}, which pawsight does not call "
                f"unless you pass it.\nPass it again: --build {function}, or build= in Python."
            )

    def build_layers(
        self, num_classes: int, image_size: OpenSize, policy: keras.DTypePolicy
    ) -> keras.Model:
        """Call the function, and return its network without a final softmax."""
        self.check_available()
        function = self.name.removeprefix(PREFIX)
        try:
            model = _registered[self.name](image_size, num_classes)  # type: ignore[arg-type]
        except Exception as error:
            raise ModelError(
                f"{function} failed with {type(error).__name__}: {first_line(error)}\n{_EXPECTED}"
            ) from error
        from pawsight.models.custom_outputs import as_logits

        try:
            return as_logits(model, image_size, num_classes)
        except ModelError as error:
            raise ModelError(f"{function} {error}\n{_EXPECTED}") from error

    def load(self, run: Run, description: ModelDescription) -> keras.Model:
        """Load the network from model.keras, without the function, with the trained weights."""
        prepare_tensorflow()
        import keras

        try:
            description.check(run.weights_path, run.weights_path.read_bytes())
            description.check(run.keras_path, run.keras_path.read_bytes())
            model = keras.models.load_model(run.keras_path, compile=False, safe_mode=True)
            model.load_weights(run.weights_path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(
                f"{run.keras_path} cannot be loaded ({first_line(error)}).\n"
                f"If the network has custom layers, import their module first, and register each "
                f"class with keras.saving.register_keras_serializable()."
            ) from error
        return model


def register(build: Build | str) -> str:
    """Register a function that builds a network in this process; return the network's name.

    Args:
        build: The function; or "module:function" or "file.py:function", which is imported.

    Raises:
        ConfigError: There is no such function, or its module cannot be imported.
    """
    if isinstance(build, str):
        reference, function = build, _imported(build)
    else:
        function = build
        reference = f"{getattr(build, '__module__', '')}:{getattr(build, '__qualname__', 'build')}"
    if not callable(function):
        raise ConfigError(f"{reference} is not a function.\n{_EXPECTED}")
    name = f"{PREFIX}{reference}"
    _registered[name] = function
    return name


def _imported(reference: str) -> Any:
    source, _, name = reference.rpartition(":")
    if not source or not name:
        raise ConfigError(
            f"--build takes module:function or file.py:function, such as nets.py:small; got "
            f"'{reference}'."
        )
    prepare_tensorflow()  # the module may import TensorFlow, whose start-up messages this silences
    try:
        is_file = source.endswith(".py")
        module = _module_of_file(Path(source)) if is_file else _module_of_name(source)
    except Exception as error:
        raise ConfigError(
            f"{source} cannot be imported: {type(error).__name__}: {first_line(error)}"
        ) from error
    function = getattr(module, name, None)
    if function is None:
        raise ConfigError(f"{source} has no function '{name}'.")
    return function


def _module_of_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path.expanduser())
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # Keras saves its classes under that module name
    spec.loader.exec_module(module)
    return module


def _module_of_name(name: str) -> ModuleType:
    working_dir = str(Path.cwd())
    sys.path.insert(0, working_dir)  # as `python -m` does
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(working_dir)


def _find(name: str) -> CustomNetwork | None:
    if not name.startswith(PREFIX):
        return None
    return CustomNetwork(
        name=name,
        summary="A network of your own.",
        image_size=(160, 160),
        min_side=1,
        # Keras' Adam at its default rate, decayed to 0, and crops that suit any photos.
        recipe=Recipe(
            optimizer="adam",
            learning_rate=1e-3,
            schedule="linear",
            batch_size=32,
            label_smoothing=0.0,
            augment=AugmentConfig(crop_range=(0.5, 1.0), crop_stretch=1.15, horizontal_flip=True),
            epochs=None,
            minutes=10,
        ),
    )


FAMILY = Family("your own, with --build", _find)

"""A worker process: trains a run together with other workers, from its last checkpoint.

`main` is the program; its argument is a `WorkerSpec` as JSON. Progress and errors go
to standard output as JSON lines; "stop" on standard input stops the worker, and the end
of standard input ends it, so that no worker outlives its parent process. The first
worker writes the run folder, every other worker a temporary copy: since all have equal
weights, they need not agree on which of them writes a file.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from pawsight.errors import PawsightError, RunError
from pawsight.progress import Progress, Silent
from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow

if TYPE_CHECKING:
    import keras

    from pawsight.training.plan import Plan
    from pawsight.training.warm_start import WarmStart

FAILED = 3  # exit code after an error was sent
_COPIED = ("plan.json", "history.csv", "checkpoints")


@dataclasses.dataclass(frozen=True, slots=True)
class WorkerSpec:
    """The arguments of a worker."""

    run: str
    addresses: list[str]  # "host:port" of each worker
    index: int  # of this worker in `addresses`
    cores: list[int]  # the processor cores that it may use; empty: all
    # The only GPU that it uses, as CUDA_VISIBLE_DEVICES names it; "": all of the machine.
    gpu: str = ""


class SentProgress:
    """A `Progress` that writes JSON lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Send the call."""
        self.send({"start": [task, total, unit]})

    def advance(self, done: int, **facts: float | str) -> None:
        """Send the call."""
        self.send({"advance": [done, facts]})

    def note(self, text: str) -> None:
        """Send the call."""
        self.send({"note": [text]})

    def send(self, message: dict[str, Any]) -> None:
        """Write a message."""
        print(json.dumps(message), file=self._stream, flush=True)


def main() -> None:
    """Train, and exit with 0, with `FAILED`, or as Python does after an exception."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(
        sys.stderr.fileno(), sys.stdout.fileno()
    )  # prints of libraries must not mix with messages
    spec = WorkerSpec(**json.loads(sys.argv[1]))
    sent = SentProgress(stream)
    threading.Thread(target=_read_input, daemon=True).start()
    if spec.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, spec.cores)
    code = 0
    with tempfile.TemporaryDirectory(prefix="pawsight-worker-") as folder:
        try:
            _train(spec, Run(folder), sent if spec.index == 0 else Silent())
        except PawsightError as error:
            text = str(error).replace(folder, spec.run)
            sent.send({"error": [type(error).__name__, text]})
            code = FAILED
    stream.flush()
    # TensorFlow's server would wait for the other processes, which may have ended.
    os._exit(code)


def _read_input() -> None:
    """Stop training on "stop", as Ctrl-C does, and end when the parent process has ended."""
    for line in sys.stdin:
        if line.strip() == "stop":
            os.kill(os.getpid(), signal.SIGINT)
    os._exit(1)


def _train(spec: WorkerSpec, copy: Run, progress: Progress) -> None:
    """Train the run of the first worker, or a copy of it."""
    prepare_tensorflow()
    from pawsight.data.dataset import Dataset
    from pawsight.training.communicator import WorkerCommunicator
    from pawsight.training.learner import Learner
    from pawsight.training.pacing import load_followed_plan
    from pawsight.training.photos import subsets
    from pawsight.training.trainer import Trainer
    from pawsight.workflow.run_photos import photos_of

    communicator = WorkerCommunicator(spec.addresses, spec.index)
    run = Run(spec.run)
    if not run.config_path.is_file():
        raise RunError(
            f"{run.path} is not on {socket.gethostname()}.\nAll machines need the run folder under "
            f"the same path; that of a run at an address is in the cache (PAWSIGHT_CACHE)."
        )
    trained = run
    if spec.index > 0:
        _copy(run.path, copy.path)
        trained = copy
    catalog, pixels = photos_of(run, progress)
    plan = load_followed_plan(trained)
    dataset = Dataset(catalog, pixels)
    train, validation = subsets(dataset)
    learner = Learner(
        plan, dataset.pixels, train, validation, _start(plan), communicator=communicator
    )
    Trainer(learner, plan).fit(trained, progress)


def _copy(run_path: Path, copy_path: Path) -> None:
    """Copy the checkpoint; the first worker cannot change it before all have taken a step."""
    for name in _COPIED:
        source = run_path / name
        if source.is_dir():
            shutil.copytree(source, copy_path / name)
        elif source.is_file():
            shutil.copyfile(source, copy_path / name)


def _start(plan: Plan) -> WarmStart | None:
    """Return how to build a network that comes with weights; the checkpoint has the weights."""
    from pawsight.models.registry import find_network
    from pawsight.training.finetune import freeze_normalization
    from pawsight.training.precision import Precision
    from pawsight.training.warm_start import WarmStart

    network = find_network(plan.model)
    if not network.has_weights:
        return None

    def build(plan: Plan) -> keras.Model:
        num_classes = len(plan.class_names)
        model = network.build(num_classes, plan.image_size, plan.precision, any_size=True)
        freeze_normalization(model)
        return model

    return WarmStart(build, None, Precision(plan.precision, plan.precision_reason), 0.0)

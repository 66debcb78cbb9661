"""A worker process: trains a run together with others, from its last checkpoint.

`main` is the program; its argument is a `WorkerSpec` as JSON. Progress and errors go
to standard output as JSON lines; "stop" on standard input stops it, and the end of
standard input ends it, so that no worker outlives the process that started it. The
first worker writes the run folder, every other one a copy of its own: their weights are
equal, so that a copy needs no agreement on who may write what.
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

FAILED = 3  # exit code where an error for the user was written
_COPIED = ("plan.json", "history.csv", "checkpoints")


@dataclasses.dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker is started with."""

    run: str
    addresses: list[str]  # "host:port" of each worker
    index: int  # which of them this one is
    cores: list[int]  # the processor cores it may use; empty: all
    # The GPU that it uses alone, as CUDA_VISIBLE_DEVICES names it; "": as the machine has.
    gpu: str = ""


class SentProgress:
    """A progress that writes JSON lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Send it."""
        self.send({"start": [task, total, unit]})

    def advance(self, done: int, **facts: float | str) -> None:
        """Send it."""
        self.send({"advance": [done, facts]})

    def note(self, text: str) -> None:
        """Send it."""
        self.send({"note": [text]})

    def send(self, message: dict[str, Any]) -> None:
        """Write a message."""
        print(json.dumps(message), file=self._stream, flush=True)


def main() -> None:
    """Train, and exit with 0, `FAILED`, or what Python exits with."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no message
    spec = WorkerSpec(**json.loads(sys.argv[1]))
    sent = SentProgress(stream)
    threading.Thread(target=_obey, daemon=True).start()
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
    # TensorFlow's server waits for the other processes, of which some may be gone.
    os._exit(code)


def _obey() -> None:
    """Stop training on "stop", as Ctrl-C does, and end where the parent process is gone."""
    for line in sys.stdin:
        if line.strip() == "stop":
            os.kill(os.getpid(), signal.SIGINT)
    os._exit(1)


def _train(spec: WorkerSpec, own: Run, progress: Progress) -> None:
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
    if spec.index > 0:
        _copy(run.path, own.path)
    else:
        own = run
    catalog, pixels = photos_of(run, progress)
    plan = load_followed_plan(own)
    dataset = Dataset(catalog, pixels)
    train, validation = subsets(dataset)
    learner = Learner(
        plan, dataset.pixels, train, validation, _start(plan), communicator=communicator
    )
    Trainer(learner, plan).fit(own, progress)


def _copy(run_path: Path, own_path: Path) -> None:
    """Copy what training goes on from; the first worker waits for the first step of the others."""
    for name in _COPIED:
        source = run_path / name
        if source.is_dir():
            shutil.copytree(source, own_path / name)
        elif source.is_file():
            shutil.copyfile(source, own_path / name)


def _start(plan: Plan) -> WarmStart | None:
    """Return how a network that comes with weights is built; the weights are in the checkpoint."""
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

"""Keep the predictions for FILE in FILE.part until all photos are predicted.

The first line has the model and the settings, each other line a prediction. An
interrupted call that is repeated continues after the last line, and FILE itself is
always complete. Only one process at a time may write. The result of a shard is such a
file with an additional last line.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from pawsight.errors import ConfigError, DiskError
from pawsight.inference.photo_inputs import PhotoOrResult, name_of
from pawsight.inference.shards import Shard, ShardEnd
from pawsight.records import Prediction
from pawsight.storage.atomic import disk_errors, flush
from pawsight.task import SINGLE_LABEL, Task

_KIND = "predictions of pawsight predict"
_DIFFERENCES = {
    "model": "another model (or version of pawsight)",
    "tta": "another --tta",
    "max_error": "another --max-error",
    "shard": "another --shard",
}
_CHUNK_BYTES = 1 << 16


class PartialResults:
    """The file of the predictions so far; a context manager that closes it.

    Args:
        output: The final file.
        class_names: The model's class names, in order.
        settings: Everything that the predictions depend on, JSON-ready. A resumed call
            must have equal settings.
        task: The model's task.
        shard: The shard that is predicted; None predicts all photos.

    Raises:
        ConfigError: The saved predictions were made with other settings.
        DiskError: The file is not a partial result, another process writes to it, or it
            cannot be written.
    """

    def __init__(
        self,
        output: Path,
        class_names: tuple[str, ...],
        settings: dict[str, Any],
        task: Task = SINGLE_LABEL,
        shard: Shard | None = None,
    ) -> None:
        self.path = shard.path(output) if shard else output.with_name(output.name + ".part")
        self._class_names = class_names
        self._task = task
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b")
        except OSError as error:
            raise DiskError(
                f"{self.path} cannot be written: {error.strerror}.\n"
                f"Give --output a file in a folder that you can write to."
            ) from error
        try:
            self._lock()
            with disk_errors(self.path):
                self._begun = self._check_head(settings | {"shard": shard and str(shard)})
        except BaseException:
            with contextlib.suppress(OSError):
                self._file.close()
            raise
        self._first_row = self._end = self._file.tell()
        self.num_rows = 0  # of the photos of this call

    def skip(self, photos: Iterable[PhotoOrResult]) -> Iterator[PhotoOrResult]:
        """Yield the photos that are not predicted yet; call it once, before `add`.

        The saved predictions are compared with the photos in order. From the first that is of
        another photo, or of a photo that was modified since, they are removed.
        """
        remaining = iter(photos)
        mismatch: list[PhotoOrResult] = []
        for row, end in self._rows():
            photo = next(remaining, None)
            if photo is None:
                break
            path = photo if isinstance(photo, str | os.PathLike) else row.path
            if row.path != name_of(photo) or _changed_since(path, self._begun):
                mismatch = [photo]
                break
            self._end = end
            self.num_rows += 1
        with disk_errors(self.path):
            self._file.truncate(self._end)
        return itertools.chain(mismatch, remaining)

    def add(self, prediction: Prediction) -> None:
        """Append a prediction to the file; raises DiskError."""
        row: list[Any] = [prediction.path, prediction.error, prediction.answer]
        if not prediction.error:
            row += [prediction.probabilities[name] for name in self._class_names]
            row += [] if prediction.ood_score is None else [prediction.ood_score]
        with disk_errors(self.path):
            self._file.write(json.dumps(row).encode("ascii") + b"\n")
            self._file.flush()
        self.num_rows += 1

    def rows(self) -> Iterator[Prediction]:
        """Yield all predictions."""
        for row, _ in self._rows():
            yield row

    @property
    def is_empty(self) -> bool:
        """Whether the file has no predictions, not even of an earlier call."""
        return next(self._rows(), None) is None

    def end(self, end: ShardEnd) -> None:
        """Append the last line of a complete shard; raises DiskError."""
        with disk_errors(self.path):
            self._file.write(end.to_json().encode("ascii") + b"\n")
            self._file.flush()
            flush(self.path)
            flush(self.path.parent)

    def remove(self) -> None:
        """Remove the file, durably."""
        with disk_errors(self.path):
            self._file.close()
            self.path.unlink(missing_ok=True)
            flush(self.path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # After a failed write, closing the file fails with the same error.
        with disk_errors(self.path) if error is None else contextlib.suppress(OSError):
            self._file.close()

    def _lock(self) -> None:
        with contextlib.suppress(ImportError):  # Windows
            import fcntl

            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DiskError(
                    f"Another process is writing {self.path}.\n"
                    f"Wait until it has ended, or give --output another name."
                ) from error
            except OSError:  # a file system without locks
                pass

    def _check_head(self, settings: dict[str, Any]) -> float:
        """Read or write the first line; return the time when it was written."""
        self._file.seek(0)
        line = self._file.readline(1 << 20)
        if not line.endswith(b"\n") and self._is_incomplete_head(line):
            # The file is new, or a process was killed while it wrote this line.
            self._file.truncate(0)
            head: dict[str, Any] = {"kind": _KIND, "settings": settings, "begun": time.time()}
            self._file.write(json.dumps(head).encode("ascii") + b"\n")
            self._file.flush()
            return float(head["begun"])
        parsed = parse_head(line)
        if parsed is None:
            raise DiskError(
                f"{self.path} exists and is not a partial result, so it is not "
                f"overwritten.\nGive --output another name, or remove the file first."
            )
        saved, begun = parsed
        different = differences(saved, settings)
        if different:
            raise ConfigError(
                f"{self.path} was begun with {different}.\n"
                f"Finish it the same way, or remove the file to start again."
            )
        return begun

    @staticmethod
    def _is_incomplete_head(line: bytes) -> bool:
        start = json.dumps({"kind": _KIND}).encode("ascii")[:-1]
        return line.startswith(start) or start.startswith(line)

    def _rows(self) -> Iterator[tuple[Prediction, int]]:
        """Yield predictions with their end in the file, up to the first incomplete line."""
        end = self._first_row
        for line in lines_from(self.path, end):
            row = parse_row(line, self._class_names, self._task)
            if row is None:
                return
            end += len(line)
            yield row, end


def lines_from(path: Path, start: int) -> Iterator[bytes]:
    """Yield the lines of a file from a byte position on.

    The file is not kept open, since there may be more shards than files that a process may open.
    """
    while True:
        with path.open("rb") as file:
            file.seek(start)
            lines = file.readlines(_CHUNK_BYTES)
        if not lines:
            return
        yield from lines
        start += sum(map(len, lines))


def parse_row(line: bytes, class_names: Sequence[str], task: Task) -> Prediction | None:
    """Parse a line that `PartialResults.add` wrote; return None if it is another or incomplete."""
    try:
        row: Any = json.loads(line)
        if not isinstance(row, list):
            return None
        path, error, answer, *numbers = row
        probs = [float(value) for value in numbers[: len(class_names)]]
        ood_score = float(numbers[-1]) if len(numbers) == len(class_names) + 1 else None
    except (ValueError, TypeError):
        return None
    if not line.endswith(b"\n") or (not error and not 0 <= len(numbers) - len(class_names) < 2):
        return None
    if error:
        return Prediction(path, error=error)
    by_class = dict(zip(class_names, probs, strict=True))
    label, probability, labels = task.describe(np.array(probs), class_names)
    return Prediction(path, label, probability, by_class, "", answer, ood_score, labels)


def parse_head(line: bytes) -> tuple[dict[str, Any], float] | None:
    """Parse the first line: the settings, and its time; return None if it is another line."""
    try:
        head = json.loads(line)
        parsed = dict(head["settings"]), float(head["begun"])
        return parsed if head["kind"] == _KIND else None
    except (ValueError, KeyError, TypeError):
        return None


def differences(saved: dict[str, Any], settings: dict[str, Any]) -> str:
    """Return which settings differ, as text; "" if all are equal."""
    names = [name for name in settings if saved.get(name) != settings[name]]
    return " and ".join(_DIFFERENCES.get(name, name) for name in names)


def _changed_since(path: str | os.PathLike[str], begun: float) -> bool:
    try:
        return os.stat(path).st_mtime > begun  # noqa: PTH116 - hot
    except (OSError, ValueError):  # the photo was removed: its prediction is kept
        return False

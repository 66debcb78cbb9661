"""The predictions made so far for FILE, kept in FILE.part until all are there.

The first line holds the model and settings, each other line one prediction. An
interrupted call, repeated, continues after the last of them, and FILE itself is
always complete. One process at a time may write. A shard keeps such a file as its
result, and ends it with a line of its own.
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
_WORDS = {
    "model": "another model (or version of pawsight)",
    "tta": "another --tta",
    "max_error": "another --max-error",
    "shard": "another --shard",
}
_CHUNK_BYTES = 1 << 16


class PartialResults:
    """The file of predictions so far; a context manager that closes it.

    Args:
        output: The final file.
        class_names: Of the model, in its order.
        settings: What the predictions depend on, JSON-ready. They must be the same
            when a call resumes.
        task: Of the model.
        shard: Which photos of the output these are; None: all.

    Raises:
        ConfigError: The kept predictions were made with other settings.
        DiskError: Something else has that name, another process writes to it, or
            it cannot be written.
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
                f"Give --output a file in a folder of yours."
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
        """Yield the photos without a kept prediction; call it once, before `add`.

        Predictions are kept as far as they are, in this order, of the photos of this call,
        unmodified since. The rest is dropped and predicted again.
        """
        asked = iter(photos)
        following: list[PhotoOrResult] = []
        for row, end in self._rows():
            photo = next(asked, None)
            if photo is None:
                break
            place = photo if isinstance(photo, str | os.PathLike) else row.path
            if row.path != name_of(photo) or _changed_since(place, self._begun):
                following = [photo]
                break
            self._end = end
            self.num_rows += 1
        with disk_errors(self.path):
            self._file.truncate(self._end)
        return itertools.chain(following, asked)

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
        """Whether it has no predictions, not even of an earlier call."""
        return next(self._rows(), None) is None

    def end(self, end: ShardEnd) -> None:
        """Append the line that makes these the predictions of a whole shard; raises DiskError."""
        with disk_errors(self.path):
            self._file.write(end.to_json().encode("ascii") + b"\n")
            self._file.flush()
            flush(self.path)
            flush(self.path.parent)

    def remove(self) -> None:
        """Remove the file, so that it does not return after a power cut either."""
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
        # Once a write has failed, closing fails as well: it would be the same error again.
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
        """Read or write the first line; return the time when the predictions began."""
        self._file.seek(0)
        line = self._file.readline(1 << 20)
        if not line.endswith(b"\n") and self._begins_like_ours(line):
            # Empty, or killed while this line was written.
            self._file.truncate(0)
            head: dict[str, Any] = {"kind": _KIND, "settings": settings, "begun": time.time()}
            self._file.write(json.dumps(head).encode("ascii") + b"\n")
            self._file.flush()
            return float(head["begun"])
        parsed = parse_head(line)
        if parsed is None:
            raise DiskError(
                f"{self.path} exists and is no partial result; it is not "
                f"overwritten.\nGive --output another name, or remove the file first."
            )
        saved, begun = parsed
        others = differences(saved, settings)
        if others:
            raise ConfigError(
                f"{self.path} was begun with {others}.\n"
                f"Finish it the same way, or remove the file to start again."
            )
        return begun

    @staticmethod
    def _begins_like_ours(line: bytes) -> bool:
        start = json.dumps({"kind": _KIND}).encode("ascii")[:-1]
        return line.startswith(start) or start.startswith(line)

    def _rows(self) -> Iterator[tuple[Prediction, int]]:
        """Yield predictions and where each ends, up to one that was written in part."""
        end = self._first_row
        for line in lines_from(self.path, end):
            row = parse_row(line, self._class_names, self._task)
            if row is None:
                return
            end += len(line)
            yield row, end


def lines_from(path: Path, start: int) -> Iterator[bytes]:
    """Yield the lines of a file from a byte on, without keeping it open.

    A process may not have as many files open as there may be shards.
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
    """Read a line as `PartialResults.add` writes it; None where it is none, or not whole."""
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
    """Read the first line: the settings, and when the predictions began; None where it is none."""
    try:
        head = json.loads(line)
        settings = dict(head["settings"]), float(head["begun"])
        return settings if head["kind"] == _KIND else None
    except (ValueError, KeyError, TypeError):
        return None


def differences(found: dict[str, Any], settings: dict[str, Any]) -> str:
    """Describe which settings differ; "" where none does."""
    others = [_WORDS.get(name, name) for name in settings if found.get(name) != settings[name]]
    return " and ".join(others)


def _changed_since(path: str | os.PathLike[str], moment: float) -> bool:
    try:
        return os.stat(path).st_mtime > moment  # noqa: PTH116 - hot
    except (OSError, ValueError):  # the photo was removed: its prediction stays
        return False

"""Divide the photos of a prediction into shards: every N-th photo, for N separate processes.

The result of a shard is a file beside the output, such as `answers.csv.shard-3-of-8`: the
predictions in the format of `partial_results`, and a last line with a checksum of the whole list
of photos. Photos are assigned by position, so that a process needs neither the other shards nor
the number of photos.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from pawsight.errors import ConfigError
from pawsight.inference.photo_inputs import PhotoOrResult, name_of
from pawsight.task import TaskName

MAX_SHARDS = 10_000
_FILE_NAME = re.compile(r"(.+)\.shard-(\d{1,9})-of-(\d{1,9})", re.DOTALL)  # of a shard


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """Every `count`-th photo, beginning with photo `number`; both count from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a shard such as "3/8".

        Raises:
            ConfigError: The text is not a shard, or its numbers are out of range.
        """
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        if match is None:
            raise ConfigError(f"'{text}' is not a shard; write 3/8 for the third of eight.")
        return cls(int(match[1]), int(match[2])).checked()

    def checked(self) -> Self:
        """Check the numbers, and return the shard; raises ConfigError."""
        if not 1 <= self.count <= MAX_SHARDS:
            raise ConfigError(f"There can be 1 to {MAX_SHARDS:,} shards, not {self.count:,}.")
        if not 1 <= self.number <= self.count:
            raise ConfigError(
                f"There is no shard {self.number} of {self.count}: they count from 1 to "
                f"{self.count}."
            )
        return self

    def path(self, output: Path) -> Path:
        """Return the file of this shard of an output."""
        number = str(self.number).zfill(len(str(self.count)))
        return output.with_name(f"{output.name}.shard-{number}-of-{self.count}")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def found_shards(output: Path) -> list[Shard]:
    """Return the shards of an output whose files exist, in order."""
    try:
        names = [_FILE_NAME.fullmatch(path.name) for path in output.absolute().parent.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    matches = (name for name in names if name and name[1] == output.name)
    return sorted(Shard(int(name[2]), int(name[3])) for name in matches)


def output_of(path: Path) -> Path | None:
    """Return the output of a shard's file, by its name; None for other files."""
    name = _FILE_NAME.fullmatch(path.name)
    return path.with_name(name[1]) if name else None


@dataclass(frozen=True, slots=True)
class ShardEnd:
    """The last line of a finished shard."""

    num_listed: int  # photos of all shards
    listing: str  # SHA-256 of their paths, in order
    class_names: list[str]  # of the model
    task: TaskName  # of the model
    thresholds: list[float]  # of a multi-label model, one per label

    def to_json(self) -> str:
        """Return the line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: bytes) -> Self | None:
        """Parse the line; return None if it is another line."""
        try:
            return cls(**json.loads(line)) if line.endswith(b"\n") else None
        except (ValueError, TypeError):
            return None


class Listing:
    """Counts photos, and computes a checksum of their paths."""

    def __init__(self) -> None:
        self.num_listed = 0
        self._digest = hashlib.sha256()

    def add(self, path: str) -> None:
        """Add the path of the next photo."""
        self._digest.update(path.encode("utf-8", "surrogatepass") + b"\0")
        self.num_listed += 1

    @property
    def checksum(self) -> str:
        """SHA-256 of the paths so far, hexadecimal."""
        return self._digest.hexdigest()

    def photos_of(self, shard: Shard, photos: Iterable[PhotoOrResult]) -> Iterator[PhotoOrResult]:
        """Add all photos, and yield those of a shard."""
        for photo in photos:
            is_of_shard = self.num_listed % shard.count == shard.number - 1
            self.add(name_of(photo))
            if is_of_shard:
                yield photo

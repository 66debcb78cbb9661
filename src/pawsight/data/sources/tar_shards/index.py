"""The index of a packed set: which shards there are, and their checksums."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from pawsight.errors import DataError, first_line, first_problem

_SHARD = r"^photos-\d{5,9}\.tar$"
_SHA256 = r"^[0-9a-f]{64}$"


class ShardFile(BaseModel, frozen=True, extra="forbid"):
    """One shard."""

    file: str = Field(pattern=_SHARD)  # its name, beside the index
    num_photos: int = Field(ge=1)
    num_bytes: int = Field(ge=1)
    sha256: str = Field(pattern=_SHA256)  # its checksum, in hexadecimal digits


class ShardIndex(BaseModel, frozen=True, extra="forbid"):
    """All shards of a set."""

    # Marks the file as an index of shards.
    kind: Literal["pawsight tar shards"] = "pawsight tar shards"
    version: Literal[1] = 1  # of this layout
    name: str
    # SHA-256 of what was to be packed: paths, sizes, times, labels and the size of the shards. An
    # interrupted command resumes only if it is the same.
    checksum: str = Field(pattern=_SHA256)
    num_shards: int = Field(ge=1)  # how many there are when all are written
    shards: tuple[ShardFile, ...]  # those that are written, in order

    @property
    def is_complete(self) -> bool:
        """Whether all shards are written."""
        return len(self.shards) == self.num_shards

    @property
    def num_photos(self) -> int:
        """How many photos the shards hold together."""
        return sum(shard.num_photos for shard in self.shards)

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        return (self.model_dump_json(indent=2) + "\n").encode()


def parse_index(content: bytes, place: str) -> ShardIndex:
    """Read an index; raises DataError."""
    try:
        index = ShardIndex.model_validate_json(content)
        if len({shard.file for shard in index.shards}) < len(index.shards):
            raise ValueError("a shard is named twice")
    except ValidationError as error:
        raise _damaged(place, first_problem(error)) from error
    except ValueError as error:
        raise _damaged(place, first_line(error)) from error
    return index


def _damaged(place: str, reason: str) -> DataError:
    return DataError(
        f"{place} is no index of shards that pawsight can read, or it is damaged ({reason}).\n"
        f"Copy the set again, or pack the photos again with pawsight pack."
    )

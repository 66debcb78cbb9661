"""The index of a packed set: the names, sizes and checksums of its shards."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from pawsight.errors import DataError, first_line, first_problem

_SHARD = r"^photos-\d{5,9}\.tar$"
_SHA256 = r"^[0-9a-f]{64}$"


class ShardFile(BaseModel, frozen=True, extra="forbid"):
    """One shard."""

    file: str = Field(pattern=_SHARD)  # its name, in the folder of the index
    num_photos: int = Field(ge=1)
    num_bytes: int = Field(ge=1)
    sha256: str = Field(pattern=_SHA256)


class ShardIndex(BaseModel, frozen=True, extra="forbid"):
    """All shards of a set."""

    kind: Literal["pawsight tar shards"] = "pawsight tar shards"  # identifies the file format
    version: Literal[1] = 1  # of the file format
    name: str  # the name of the set
    # The result of `contents.checksum_of`. An interrupted command resumes only if it is the same.
    checksum: str = Field(pattern=_SHA256)
    num_shards: int = Field(ge=1)  # the number of shards of the complete set
    shards: tuple[ShardFile, ...]  # the shards that are written, in order

    @property
    def is_complete(self) -> bool:
        """Whether all shards are written."""
        return len(self.shards) == self.num_shards

    @property
    def num_photos(self) -> int:
        """The number of photos in all written shards."""
        return sum(shard.num_photos for shard in self.shards)

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        return (self.model_dump_json(indent=2) + "\n").encode()


def parse_index(content: bytes, location: str) -> ShardIndex:
    """Parse an index.

    Args:
        content: The content of the file.
        location: The path or address of the file, for messages.

    Raises:
        DataError: The content is not a valid index.
    """
    try:
        index = ShardIndex.model_validate_json(content)
        if len({shard.file for shard in index.shards}) < len(index.shards):
            raise ValueError("a shard is named twice")
    except ValidationError as error:
        raise _damaged(location, first_problem(error)) from error
    except ValueError as error:
        raise _damaged(location, first_line(error)) from error
    return index


def _damaged(location: str, reason: str) -> DataError:
    return DataError(
        f"{location} is no index of shards that pawsight can read, or it is damaged ({reason}).\n"
        f"Copy the set again, or pack the photos again with pawsight pack."
    )

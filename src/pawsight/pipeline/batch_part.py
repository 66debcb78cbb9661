"""The part of each training batch that one of several processes loads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchPart:
    """Part `index`, 0..count-1, of `count` equal, consecutive parts of a batch."""

    index: int = 0
    count: int = 1

    def of(self, batch_size: int) -> slice:
        """Return the slice of a batch that is this part; `count` must divide `batch_size`."""
        length = batch_size // self.count
        return slice(self.index * length, (self.index + 1) * length)


WHOLE = BatchPart()

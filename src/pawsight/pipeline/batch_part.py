"""The part of each training batch that one of several processes makes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchPart:
    """The `index`-th of `count` parts of equal length, in their order."""

    index: int = 0
    count: int = 1

    def of(self, batch_size: int) -> slice:
        """Return which photos of a batch are in the part; `count` divides the batch."""
        length = batch_size // self.count
        return slice(self.index * length, (self.index + 1) * length)


WHOLE = BatchPart()

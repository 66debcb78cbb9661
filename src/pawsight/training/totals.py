"""What the training loop sums up between two validations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Totals:
    """Sums since the last validation, and the time spent so far."""

    loss: float = 0.0
    num_right: float = 0.0
    num_images: float = 0.0
    num_timed: float = 0.0  # photos of timed steps: the first step of a session compiles
    step_seconds: float = 0.0  # time of those steps
    seconds: float = 0.0  # of all the training so far

    def add(self, loss: float, num_right: float, num_there: int) -> None:
        """Add one step.

        Args:
            loss: Mean over the photos that are not lost, in nats.
            num_right: How many of them are classified correctly.
            num_there: How many there are.
        """
        self.loss += loss * num_there
        self.num_right += num_right
        self.num_images += num_there

    @property
    def images_per_second(self) -> float:
        """The rate of the training steps alone; 0 while none was timed."""
        return self.num_timed / self.step_seconds if self.step_seconds else 0.0

    def clear(self) -> None:
        """Set all but the seconds of the run to 0."""
        self.loss = self.num_right = self.num_images = self.num_timed = self.step_seconds = 0.0

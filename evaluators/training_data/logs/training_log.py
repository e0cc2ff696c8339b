"""Defines a training log: the losses of one fine-tune, on its training data and on its validation data."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.errors import UsageError


class UnreadableLog(UsageError):
    """A file that is not a training log: where, what is wrong, and what is known."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One recorded loss; ``step`` counts updates of the weights, ``epoch`` is ``None`` if the log does not tell it."""

    step: float
    loss: float
    epoch: float | None = None

    @property
    def place(self) -> str:
        """Where it was recorded, such as ``epoch 12`` or, without epochs, ``step 240``."""
        return f"step {self.step:g}" if self.epoch is None else f"epoch {round(self.epoch, 2):g}"


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """One log. ``notes`` say what the file has and this log leaves out."""

    path: str
    format: str
    train: tuple[Evaluation, ...]
    validation: tuple[Evaluation, ...]
    notes: tuple[str, ...] = ()

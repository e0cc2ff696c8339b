"""Defines the lineage of a fine-tuned deployment: its base, its training data, the method, and the cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

TrainingMethod = Literal["lora", "qlora", "full", "api"]
DataRole = Literal["train", "validation"]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a deployment was trained from and how. Paths are relative to the project's folder.

    ``base``: the deployment or model that training started from. ``job``: the provider's name of the training job.
    ``cost``: US dollars, ``None`` if unknown. ``at``: the day of training, ISO 8601. ``log``: the training log.
    """

    base: str
    method: TrainingMethod
    data: tuple[str, ...]
    validation: tuple[str, ...] = ()
    job: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    cost: float | None = None
    at: str | None = None
    log: str | None = None

    def files(self) -> tuple[tuple[DataRole, str], ...]:
        """The role and path of each file of training data, in the order of the declaration."""
        train: list[tuple[DataRole, str]] = [("train", path) for path in self.data]
        return (*train, *(("validation", path) for path in self.validation))

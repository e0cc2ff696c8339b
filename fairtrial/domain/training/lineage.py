"""Defines the lineage of a fine-tuned deployment: its base, its training data, the method, and the cost.

It is the section `training` of a deployment; ``base`` is never empty in a plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Len, MaxLen

from fairtrial.domain.settings import Converted, Date, Money, Name

TrainingMethod = Literal["lora", "qlora", "full", "api"]
DataRole = Literal["train", "validation"]
MOST_FILES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """How the model was trained. Nothing in it changes how requests are served."""

    base: Annotated[str, Converted(lambda base: base or "", "after", Name | None)] = ""
    """What training started from: by default `parent`. It must be `parent` or its model."""
    method: TrainingMethod
    """`lora`, `qlora`, `full` (all weights), or `api` (a provider trains it)."""
    data: Annotated[tuple[Name, ...], Len(1, MOST_FILES)]
    """The files of training examples, relative to this file and inside its folder."""
    validation: Annotated[tuple[Name, ...], MaxLen(MOST_FILES)] = ()
    """The files of examples that measured the loss during training."""
    job: Name | None = None
    """The provider's id of the training job, such as `ftjob-abc123`."""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the training, such as `{epochs: 3, learning_rate: 0.001}`."""
    cost: Annotated[float, Converted(float, "after", Money)] | None = None
    """US dollars that the training cost."""
    at: Date | None = None
    """The day of the training, such as `2026-11-25`."""
    log: Name | None = None
    """The file of the training log, relative to this file and inside its folder."""

    def files(self) -> tuple[tuple[DataRole, str], ...]:
        """The role and path of each file of training data, in the order of the declaration."""
        train: list[tuple[DataRole, str]] = [("train", path) for path in self.data]
        return (*train, *(("validation", path) for path in self.validation))

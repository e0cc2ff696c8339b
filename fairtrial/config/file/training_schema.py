"""Defines the section `training` of a deployment: the lineage of a fine-tuned model."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from fairtrial.config.file.section import Date, Money, Name, Section
from fairtrial.domain.training.lineage import TrainingMethod

MOST_FILES = 100


class TrainingSection(Section):
    """How the model was trained. Nothing in it changes how requests are served."""

    base: Name | None = None
    """What training started from: by default `parent`. It must be `parent` or its model."""
    method: TrainingMethod
    """`lora`, `qlora`, `full` (all weights), or `api` (a provider trains it)."""
    data: list[Name] = Field(min_length=1, max_length=MOST_FILES)
    """The files of training examples, relative to this file and inside its folder."""
    validation: list[Name] = Field(default_factory=list, max_length=MOST_FILES)
    """The files of examples that measured the loss during training."""
    job: Name | None = None
    """The provider's id of the training job, such as `ftjob-abc123`."""
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    """Settings of the training, such as `{epochs: 3, learning_rate: 0.001}`."""
    cost: Money | None = None
    """US dollars that the training cost."""
    at: Date | None = None
    """The day of the training, such as `2026-11-25`."""
    log: Name | None = None
    """The file of the training log, relative to this file and inside its folder."""

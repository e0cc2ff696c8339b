"""The request to fill a review queue. Without the store, so that clients can create it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from evaluators.review.sampling import DEFAULT_SIZE

LARGEST_QUEUE = 5000


class QueueRequest(BaseModel):
    """The requested queue: from the newest runs of two targets on a suite, or from two runs by id."""

    model_config = ConfigDict(extra="forbid")

    suite: str | None = None
    candidate: str | None = None
    baseline: str | None = None
    candidate_run: str | None = None
    baseline_run: str | None = None
    size: int = Field(default=DEFAULT_SIZE, ge=1, le=LARGEST_QUEUE)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    title: str | None = Field(default=None, max_length=200)
    sampling: Literal["random"] = "random"
    overlap: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="the share that two people judge; default: a fifth, but at least 12 pairs or half of the queue",
    )

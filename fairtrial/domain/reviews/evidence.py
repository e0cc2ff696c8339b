"""Defines the evidence of blind reviews: the valid votes on two targets, by model, without any text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fairtrial.domain.reviews.review import Arm, Dimension, Preference

Marks = Mapping[Dimension, int]


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's judgement of one pair.

    ``cluster``: pairs of one cluster may be correlated. ``ratings``: by model, only those given. ``probability``: the
    probability that the queue's rule draws this pair. ``left``: the model on the left. ``longer``: by how many
    characters the candidate's answer is longer, ``None`` if the texts are erased. ``name``: the reviewer's.
    """

    item_id: str
    cluster: str
    reviewer: str
    preference: Preference
    ratings: Mapping[Arm, Marks]
    probability: float = 1.0
    left: Arm | None = None
    longer: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ReviewedQueue:
    """A queue with its votes; ``settled`` counts items on which all the people whom it needs have voted.

    A vote that was withdrawn counts here. A skipped item is not settled; otherwise a person who skips all items could
    read every later vote.
    ``awaited`` counts items that need the vote of one more person.
    """

    queue_id: str
    title: str
    state: Literal["open", "closed"]
    suite: str
    suite_digest: str
    candidate: str
    baseline: str
    candidate_digest: str
    baseline_digest: str
    items: int
    settled: int
    votes: tuple[Vote, ...]
    awaited: int = 0

    @property
    def readable(self) -> bool:
        """Whether its results may be read, because every reviewer whom it needs has voted, or it is closed.

        Results that are checked after every vote, until they look good, are not evidence.
        """
        return self.state == "closed" or self.settled >= self.items

    @property
    def judged(self) -> int:
        """The number of items with a valid vote."""
        return len({vote.item_id for vote in self.votes})


ReviewEvidence = tuple[ReviewedQueue, ...]

"""What blind reviews say of two targets: the votes that stand, told by model, without a word of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fairtrial.domain.reviews.review import Arm, Dimension, Preference

Marks = Mapping[Dimension, int]


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's judgement of one pair.

    ``cluster``: pairs of one cluster may move together; ``ratings`` by model, only those that were given;
    ``probability``: the chance that the queue's rule had of drawing this pair; ``left``: whose answer stood on the
    left; ``longer``: by how many characters the candidate's is longer, ``None`` if the texts are no longer kept;
    ``name``: the reviewer's.
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
    """A queue with its votes; ``settled`` counts items that have had a vote, even if it was taken back.

    ``awaited``: items that want the vote of one more person, such as the second where two are to judge.

    An item that was only passed over isn't settled: whoever passed all of them over could read every vote to come.
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
        """Whether its figures may be read: all of it has been judged, or it is closed.

        A figure that is looked at after every vote, until it pleases, is no evidence.
        """
        return self.state == "closed" or self.settled >= self.items

    @property
    def judged(self) -> int:
        """Items with a vote that stands, among the votes that are here."""
        return len({vote.item_id for vote in self.votes})


ReviewEvidence = tuple[ReviewedQueue, ...]

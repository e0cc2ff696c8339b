"""Blind review: what a reviewer is shown and says, and the pure rule that hides which model wrote what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Arm = Literal["candidate", "baseline"]
Side = Literal["left", "right"]
Outcome = Literal["left", "right", "tie", "both_bad", "cant_judge"]
"""What a reviewer says of a pair."""

Preference = Literal["candidate", "baseline", "tie", "both_bad", "cant_judge"]
"""The same once it is known which model stood on which side."""

Dimension = Literal["accuracy", "tone", "usefulness"]
DIMENSIONS: tuple[Dimension, ...] = ("accuracy", "tone", "usefulness")
SIDES: tuple[Side, ...] = ("left", "right")
ARMS: tuple[Arm, ...] = ("candidate", "baseline")
LOW_RATING = 2
"""A rating of this or less needs a comment that says why."""

CLAIM_US = 600_000_000
"""Ten minutes: so long an item is one reviewer's, counted from the last change that they made."""

Ratings = Mapping[Dimension, int | None]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reviewer has said so far; ``ratings`` and ``edited`` by side, ``None`` is not applicable or not edited."""

    outcome: Outcome | None = None
    ratings: Mapping[Side, Ratings] = field(default_factory=dict)
    comment: str = ""
    edited: Mapping[Side, str | None] = field(default_factory=dict)
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one case, before anybody has judged them.

    ``asked``: the messages as role and content; ``reference``: what a right answer is, if the suite says;
    ``probability``: the chance that the queue's rule had of drawing this case; ``wants``: votes of different people.
    """

    case_id: str
    cluster: str
    asked: tuple[Mapping[str, str], ...]
    reference: str | None
    candidate: str
    baseline: str
    probability: float = 1.0
    wants: int = 1
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ShownItem:
    """All that a reviewer learns of an item; nothing in it tells the arms apart."""

    item_id: str
    prompt: tuple[Mapping[str, str], ...]
    reference: str | None
    answers: Mapping[Side, str]
    draft: Draft | None
    expires_us: int
    masked: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` items have a vote; ``mine_done`` have one of this reviewer."""

    done: int
    total: int
    mine_done: int


@dataclass(frozen=True, slots=True)
class Next:
    """The item to judge now, ``None`` if there is none; ``waiting``: items that others hold and may give back."""

    item: ShownItem | None
    progress: Progress
    waiting: int


def arm_on_the_left(secret: str, reviewer: str, item_id: str) -> Arm:
    """Which model this reviewer sees on the left of this item: a fair coin that nobody without the secret can call."""
    first = hashlib.sha256("\0".join((secret, reviewer, item_id)).encode()).digest()[0]
    return ARMS[first & 1]


def arm_of(side: Side, left: Arm) -> Arm:
    """The model on a side."""
    return left if side == "left" else other(left)


def side_of(arm: Arm, left: Arm) -> Side:
    """The side that a model stands on."""
    return "left" if arm == left else "right"


def other(arm: Arm) -> Arm:
    return "baseline" if arm == "candidate" else "candidate"


def unblinded(outcome: Outcome, left: Arm) -> Preference:
    """What an outcome says of the models."""
    if outcome == "left" or outcome == "right":
        return arm_of(outcome, left)
    return outcome


def blinded(preference: Preference, left: Arm) -> Outcome:
    """The way back: what the reviewer had pressed."""
    if preference == "candidate" or preference == "baseline":
        return side_of(preference, left)
    return preference


def missing(draft: Draft) -> str | None:
    """What a draft still lacks before it can be a vote, or ``None``."""
    if draft.outcome is None:
        return "outcome: choose left, right, tie, both bad or can't judge first"
    low = [
        f"{dimension} of the {side} answer"
        for side in SIDES
        for dimension, value in draft.ratings.get(side, {}).items()
        if value is not None and value <= LOW_RATING
    ]
    if low and not draft.comment.strip():
        return f"comment: a rating of {LOW_RATING} or less needs a sentence that says why ({', '.join(low)})"
    return None

"""Defines blind review: what reviewers see and enter, and the rule that hides which model wrote which answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Arm = Literal["candidate", "baseline"]
Side = Literal["left", "right"]
Outcome = Literal["left", "right", "tie", "both_bad", "cant_judge"]
"""A reviewer's choice for a pair."""

Preference = Literal["candidate", "baseline", "tie", "both_bad", "cant_judge"]
"""The choice by model, after unblinding."""

Dimension = Literal["accuracy", "tone", "usefulness"]
DIMENSIONS: tuple[Dimension, ...] = ("accuracy", "tone", "usefulness")
SIDES: tuple[Side, ...] = ("left", "right")
ARMS: tuple[Arm, ...] = ("candidate", "baseline")
LOW_RATING = 2
"""A rating of this or less needs a comment with the reason."""

CLAIM_US = 600_000_000
"""A reviewer's claim on an item lasts ten minutes after their last change."""

Ratings = Mapping[Dimension, int | None]


@dataclass(frozen=True, slots=True)
class Draft:
    """A reviewer's input so far; ``ratings`` and ``edited`` by side, ``None`` is not applicable or not edited."""

    outcome: Outcome | None = None
    ratings: Mapping[Side, Ratings] = field(default_factory=dict)
    comment: str = ""
    edited: Mapping[Side, str | None] = field(default_factory=dict)
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one case that are to be judged.

    ``asked``: the messages as role and content. ``reference``: the right answer, if the suite has one. ``probability``:
    the probability that the queue's rule draws this case. ``wants``: how many people should vote.
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
    """Everything that a reviewer sees of an item; nothing in it reveals the arms."""

    item_id: str
    prompt: tuple[Mapping[str, str], ...]
    reference: str | None
    answers: Mapping[Side, str]
    draft: Draft | None
    expires_us: int
    masked: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` items have a vote; ``mine_done`` have a vote of this reviewer."""

    done: int
    total: int
    mine_done: int


@dataclass(frozen=True, slots=True)
class Next:
    """The item to judge now, ``None`` if there is none; ``waiting``: items that others have claimed."""

    item: ShownItem | None
    progress: Progress
    waiting: int


def arm_on_the_left(secret: str, reviewer: str, item_id: str) -> Arm:
    """The model on the left for this reviewer and item: a fair coin that is unpredictable without the secret."""
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


def unblind(outcome: Outcome, left: Arm) -> Preference:
    """Translate a choice by side to a choice by model."""
    if outcome == "left" or outcome == "right":
        return arm_of(outcome, left)
    return outcome


def blind(preference: Preference, left: Arm) -> Outcome:
    """Translate a choice by model back to the choice by side."""
    if preference == "candidate" or preference == "baseline":
        return side_of(preference, left)
    return preference


def missing(draft: Draft) -> str | None:
    """The problem that keeps a draft from being a vote, or ``None``."""
    if draft.outcome is None:
        return "outcome: choose left, right, tie, both bad or can't judge first"
    low = [
        f"{dimension} of the {side} answer"
        for side in SIDES
        for dimension, value in draft.ratings.get(side, {}).items()
        if value is not None and value <= LOW_RATING
    ]
    if low and not draft.comment.strip():
        return f"comment: a rating of {LOW_RATING} or less needs a sentence with the reason ({', '.join(low)})"
    return None

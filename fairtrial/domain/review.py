"""Defines blind review: what reviewers see and enter, the rubric of ratings, and the votes as evidence."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fairtrial.domain.estimates import MaybeEstimate, NotEnough
from fairtrial.domain.promises import LOW_RATING, POSITION_ALPHA, POSITION_SHIFT

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


Ratings = Mapping[Dimension, int | None]
Marks = Mapping[Dimension, int]


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
    the probability that the queue's rule draws this case. ``wants``: how many people should vote; 0 if the answers look
    equal, because such a pair is a tie that needs no vote.
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
class PairTexts:
    """The bodies of a pair of a shadow: the request, the baseline's answer and the candidate's."""

    request_id: str
    unit: str | None
    request_body: str
    baseline_body: str
    candidate_body: str


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
    return ARMS[hashlib.sha256("\0".join((secret, reviewer, item_id)).encode()).digest()[0] & 1]


def arm_of(side: Side, left: Arm) -> Arm:
    """The model on a side."""
    return left if side == "left" else other_arm(left)


def side_of(arm: Arm, left: Arm) -> Side:
    """The side that a model stands on."""
    return "left" if arm == left else "right"


def other_arm(arm: Arm) -> Arm:
    return "baseline" if arm == "candidate" else "candidate"


def unblind(outcome: Outcome, left: Arm) -> Preference:
    """Translate a choice by side to a choice by model."""
    return arm_of(outcome, left) if outcome == "left" or outcome == "right" else outcome


def blind(preference: Preference, left: Arm) -> Outcome:
    """Translate a choice by model back to the choice by side."""
    return side_of(preference, left) if preference == "candidate" or preference == "baseline" else preference


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


@dataclass(frozen=True, slots=True)
class RubricRow:
    """One dimension: its question, and its anchors from 1 to 5."""

    dimension: Dimension
    question: str
    anchors: tuple[str, str, str, str, str]


RUBRIC: tuple[RubricRow, ...] = (
    RubricRow(
        "accuracy",
        "Is what the answer says true, and true to the question?",
        (
            "Wrong in what matters, or invented.",
            "Some of it is right, but an error would mislead anyone who acts on it.",
            "Mostly right, with a slip that a careful reader must correct.",
            "Right, except for a detail that changes nothing.",
            "Right in every point that can be checked.",
        ),
    ),
    RubricRow(
        "tone",
        "Does it speak to this person as we would want it to?",
        (
            "Rude, careless or alarming; it must not be sent.",
            "Cold, wordy or in the wrong register, so that the person would notice.",
            "Acceptable, but not quite our style.",
            "Friendly and clear, with one phrase to change.",
            "Just as our best colleague would have put it.",
        ),
    ),
    RubricRow(
        "usefulness",
        "Does it get the person what they need?",
        (
            "It does not help, or sends the person the wrong way.",
            "It touches on the need but leaves most of the work to the person.",
            "It helps in part; something needed is missing or hard to use.",
            "It does the job, with something small to add.",
            "It does the whole job and can be used as it stands.",
        ),
    ),
)


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
class PreferenceModel:
    """The raw and the adjusted win rates, and the effects for which they were adjusted.

    ``raw``, ``position_adjusted`` and ``length_adjusted`` are win rates in [0, 1]. ``position_adjusted`` is the rate
    without an effect of the side. ``length_adjusted`` is that rate for answers of equal length. ``position`` is the
    effect of the left, or first, place in log odds, above 0 if that place is preferred. ``length`` is the effect of the
    longer answer, by tanh(difference / its standard deviation). An effect that can't be estimated is `NotEnough`, and
    its p is ``None``.

    ``position_p`` is the two-sided p-value of the coefficient or, if there is none, of Fisher's exact test. The
    coefficient of a reviewer who always prefers the left answer is not finite. ``pulls_to_first`` is the direction of
    the effect, or ``None`` if there is no effect. ``firsts`` and ``seconds`` count the votes for each place; ties count
    for neither.

    >>> few = NotEnough("3 judged pairs are too few", "27 more judged pairs", 3)
    >>> PreferenceModel(few, few, few, few, None, few, None, None, 2, 1).position_biased
    False
    """

    raw: MaybeEstimate
    position_adjusted: MaybeEstimate
    length_adjusted: MaybeEstimate
    position: MaybeEstimate
    position_p: float | None
    length: MaybeEstimate
    length_p: float | None
    pulls_to_first: bool | None
    firsts: int
    seconds: int

    @property
    def position_biased(self) -> bool:
        """Whether p < 0.01 for a position effect above 0.2 in log odds (5 points at 50 %), or for an infinite one."""
        if self.position_p is None or self.position_p >= POSITION_ALPHA:
            return False
        return isinstance(self.position, NotEnough) or abs(self.position.value) > POSITION_SHIFT


@dataclass(frozen=True, slots=True)
class ReviewedQueue:
    """A queue with its votes; ``settled`` counts items on which all the people whom it needs have voted.

    A vote that was withdrawn counts here. A skipped item is not settled; otherwise a person who skips all items could
    read every later vote.
    ``awaited`` counts items that need the vote of one more person. ``equal`` has the cluster of each drawn pair whose
    answers look equal. Such a pair counts as a tie, needs no vote, and is none of the ``items``.
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
    equal: tuple[str, ...] = ()

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

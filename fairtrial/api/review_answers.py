"""Declares what the operations of blind review answer."""

from typing import Annotated, Literal

from msgspec import Meta

from fairtrial.api.operation import Answer, Time
from fairtrial.domain.estimates import Comparison, MaybeEstimate
from fairtrial.domain.review import Arm, Dimension, Preference, PreferenceModel, Progress

QueueState = Literal["open", "closed"]
Agreement = Literal["good", "tentative", "low", "not measured", "unknown"]
Message = dict[str, str]
Ratings = dict[Arm, dict[Dimension, int]]
Pseudonym = Annotated[str, Meta(description="a hash, which differs between queues")]


class OwnProgress(Answer, frozen=True, kw_only=True):
    """How many pairs this reviewer has judged and skipped."""

    done: int
    skipped: int


class QueueSummary(Answer, frozen=True, kw_only=True):
    """What everybody may know about a queue. A `ReviewedQueue` names its equal pairs instead of counting them."""

    queue_id: str
    title: str
    state: QueueState
    items: int
    equal: Annotated[int, Meta(description="drawn pairs with equal answers, which count as ties")]


class OfferedQueue(QueueSummary, frozen=True, kw_only=True):
    """A queue as a reviewer sees it. ``left``: the pairs that this reviewer may still judge."""

    mine: OwnProgress
    left: int


class SavedDraft(Answer, frozen=True, kw_only=True):
    """When the claim on the pair ends."""

    expires_us: Annotated[int, Meta(description="microseconds since 1970, UTC")]


class JudgedPair(Answer, frozen=True, kw_only=True):
    """The progress after a vote or a skip."""

    progress: Progress


class QueueSampling(Answer, frozen=True, kw_only=True):
    """How the pairs were drawn: ``size`` of ``of``; ``shared``: those for two people, as a share ``overlap``."""

    kind: str
    size: int
    of: int
    seed: int
    shared: int
    overlap: float | None


class QueueRow(QueueSummary, frozen=True, kw_only=True):
    """A queue as a release manager sees it. ``waiting``: judged pairs that need the vote of a second person.

    A `NewQueue` has no id and no counts, but the names that reviewers must not read.
    """

    at_time: Time
    suite: str
    suite_digest: str
    candidate: str
    baseline: str
    candidate_digest: str
    baseline_digest: str
    candidate_run: str
    baseline_run: str
    created_by: str | None
    closed_time: Time | None
    closed_by: str | None
    votes: int
    judged: int
    waiting: int
    sampling: QueueSampling


class QueueReviewer(Answer, frozen=True, kw_only=True):
    """A reviewer of a queue; ``name`` is empty without a vote."""

    account_id: str
    name: str
    votes: int
    skipped: int
    median_seconds: float | None


class QueueDetails(QueueRow, frozen=True, kw_only=True):
    """A queue with its reviewers. ``preferences``: votes by preference, once the queue is closed."""

    reviewers: list[QueueReviewer]
    preferences: dict[Preference, int] | None


class ExportedVote(Answer, frozen=True, kw_only=True):
    """A vote with the pair and the queue. A pair with equal answers has a tie that nobody voted.

    Exports as CSV have its columns in this order, which no base with the fields of a `ReviewedPair` would keep.
    """

    queue_id: str
    suite: str
    candidate: str
    baseline: str
    candidate_run: str
    baseline_run: str
    candidate_digest: str
    baseline_digest: str
    item_id: str
    case_id: str
    cluster: str
    asked: list[Message]
    reference: str | None
    candidate_output: str
    baseline_output: str
    probability: float
    vote_id: str | None
    reviewer: Pseudonym | None
    at_time: Time | None
    left_arm: Arm | None
    preference: Preference
    comment: str | None
    edited_candidate: str | None
    edited_baseline: str | None
    flagged: bool | None
    seconds: float | None
    equal_answers: bool
    ratings: Ratings


class PairVote(Answer, frozen=True, kw_only=True):
    """A vote on a pair. It has fields of `ExportedVote`, where they may be missing."""

    reviewer: Pseudonym
    preference: Preference
    flagged: bool
    edited_candidate: str | None
    edited_baseline: str | None
    ratings: Ratings

    def edited(self, arm: Arm) -> str | None:
        """The answer of this arm as the reviewer edited it."""
        return self.edited_candidate if arm == "candidate" else self.edited_baseline


class ReviewedPair(Answer, frozen=True, kw_only=True):
    """A pair with its votes. ``unit``: a hash, known for cases from traffic. ``skips``: how often it was skipped.

    A `Pair` is what a new queue is filled with: its ``candidate`` and ``baseline`` are answers, and here targets.
    """

    queue_id: str
    suite: str
    candidate: str
    baseline: str
    candidate_run: str
    baseline_run: str
    item_id: str
    case_id: str
    cluster: str
    unit: Pseudonym | None
    asked: list[Message]
    candidate_output: str
    baseline_output: str
    probability: float
    equal_answers: bool
    has_texts: bool
    skips: int
    candidate_request: str | None
    baseline_request: str | None
    votes: list[PairVote]

    def target(self, arm: Arm) -> str:
        """The target of this arm."""
        return self.candidate if arm == "candidate" else self.baseline

    def run(self, arm: Arm) -> str:
        """The run of this arm."""
        return self.candidate_run if arm == "candidate" else self.baseline_run

    def output(self, arm: Arm) -> str:
        """The answer of this arm."""
        return self.candidate_output if arm == "candidate" else self.baseline_output

    def request(self, arm: Arm) -> str | None:
        """The recorded request of this arm's answer."""
        return self.candidate_request if arm == "candidate" else self.baseline_request


class QueueEvidence(QueueSummary, frozen=True, kw_only=True):
    """A queue of two targets. ``present``: both are still defined as reviewed; ``read``: a gate counts its votes."""

    suite: str
    settled: int
    read: bool
    present: bool


class BiasedReviewer(Answer, frozen=True, kw_only=True):
    """A reviewer with a position bias, by the alarm of `PreferenceModel`; ``model`` has only their votes."""

    reviewer: str
    name: str
    model: PreferenceModel


class ReviewBias(Answer, frozen=True, kw_only=True):
    """The bias of all votes, ``None`` if the sides are unknown, and the reviewers with a position bias."""

    model: PreferenceModel | None
    leanings: tuple[BiasedReviewer, ...]


class MetricAgreement(Answer, frozen=True, kw_only=True):
    """The agreement of ``people`` on the ``pairs`` that two or more of them have judged.

    ``alpha`` is Krippendorff's, nominal for preferences and ordinal for ratings.
    """

    alpha: MaybeEstimate
    quality: Agreement
    pairs: int
    people: int


class ReviewerAgreement(Answer, frozen=True, kw_only=True):
    """A reviewer's alpha against all others, by metric."""

    reviewer: str
    name: str
    alphas: dict[str, MaybeEstimate]


class ReviewFigures(Answer, frozen=True, kw_only=True):
    """All statistics of the votes of some queues.

    ``drawn``: the drawn pairs with those that are equal, in words. ``counts``: votes by preference. ``preference``: the
    win rate against one half. ``pull``: its position and length bias. ``levels``: the candidate's mean ratings;
    ``dimensions``: these against the baseline's. ``agreement``: of all reviewers, by metric; ``each``: of each reviewer
    with the others.
    """

    votes: int
    pairs: int
    drawn: str
    people: int
    counts: dict[Preference, int]
    preference: Comparison
    pull: ReviewBias
    levels: dict[Dimension, MaybeEstimate]
    dimensions: dict[Dimension, Comparison]
    agreement: dict[str, MetricAgreement]
    each: tuple[ReviewerAgreement, ...]


class ComparedByReview(Answer, frozen=True, kw_only=True):
    """The queues of two targets, and the statistics of those that count; ``None`` without one."""

    queues: list[QueueEvidence]
    figures: ReviewFigures | None

"""Declares what the operations on verdicts answer: listings, release records, recomputations and integrity."""

from typing import Literal

from msgspec import UNSET, UnsetType

from fairtrial.api.experiment_answers import StateChange
from fairtrial.api.operation import Answer, Time
from fairtrial.api.run_answers import RunSummary
from fairtrial.domain.accounts import Role
from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.domain.store_reports import RowProblem
from fairtrial.domain.verdicts.approvals import Approval, ApprovalStanding, ApprovalState
from fairtrial.domain.verdicts.verdict import Decision, Result, Verdict

FigureUnit = Literal["points", "%", "ms", "$", ""]
FigureKind = Literal["difference", "level"]


class ListedVerdict(Answer, frozen=True, kw_only=True):
    """What listings say of a verdict. ``approvers``: the roles that must approve.

    ``reads``: the decision with the state of its approvals, and ``approval`` that state of an official SHIP alone.
    ``stale``: why a SHIP no longer stands.
    """

    verdict_id: str
    at_time: Time
    gate: str
    candidate: str
    decision: Decision
    headline: str
    official: bool
    approvers: list[Role]
    approval: ApprovalStanding | None = None
    reads: str
    stale: list[str]


class ReleaseStanding(Answer, frozen=True, kw_only=True):
    """What a promotion rests on. ``reads``: the newest official verdict with its approvals, as a text."""

    variant: str
    verdict_id: str | None
    reads: str | None
    headline: str | None
    missing: tuple[str, ...]


class VerdictRow(ListedVerdict, frozen=True, kw_only=True):
    """A verdict in the listing, with the whole ``verdict`` if ``findings`` were requested."""

    baseline: str
    verdict: Verdict | UnsetType = UNSET


class NewestVerdict(ListedVerdict, frozen=True, kw_only=True):
    """The newest of the ``verdicts`` of a gate on a candidate."""

    verdicts: int


class Votes(Answer, frozen=True, kw_only=True):
    """The approvals so far. ``waiting``: the roles whose approval is missing; ``rejected``: the rejection that stands.

    ``votes``: every vote, oldest first.
    """

    waiting: tuple[Role, ...]
    complete: bool
    rejected: Approval | None
    votes: tuple[Approval, ...]

    @property
    def state(self) -> ApprovalState:
        """The approvals as the domain has them."""
        return ApprovalState(self.waiting, self.rejected, self.votes)


class Approvals(Votes, frozen=True, kw_only=True):
    """The approvals of a verdict. ``required``: the roles that must approve."""

    required: tuple[Role, ...]


class Figure(Answer, frozen=True):
    """A two-sided interval at ``level``, in ``unit``; ``limit`` is what the rule requires.

    ``kind`` is a difference candidate − baseline, or the candidate's level; ``better`` is its good direction.
    ``finding`` is the index of the finding. An `Estimate` has the same numbers on the metric's own scale, and the
    `Interval` of a document knows no finding. Exports contain the fields in this order.
    """

    finding: int
    kind: FigureKind
    value: float
    low: float
    high: float
    level: float
    n: int
    limit: float | None
    unit: FigureUnit
    better: Literal["higher", "lower"]


class ChainHead(Answer, frozen=True, kw_only=True):
    """The newest entry of a hash chain."""

    number: int
    hash: str


class ChainEntry(Answer, frozen=True, kw_only=True):
    """A verdict's entry of the hash chain; ``at_us``: microseconds since 1970, UTC.

    It has the SHA-256 of the stored verdict, the SHA-256 of its evidence, and the hash of the entry before. Exports
    contain its fields in this order.
    """

    number: int
    verdict_id: str
    at_us: int
    verdict_sha256: str
    evidence_sha256: str
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """The hash that follows from the other fields."""
        content = [self.number, self.verdict_id, self.at_us, self.verdict_sha256, self.evidence_sha256, self.previous]
        return sha256_of_json(content)


class ChainPlace(ChainEntry, frozen=True, kw_only=True):
    """A verdict's entry of the hash chain, and the head of the chain."""

    head: ChainHead


class RecordParts(Answer, frozen=True, kw_only=True):
    """A release record without its verdict and its place in the hash chain.

    ``standing``: ``official``, or why not. ``stale``: why the verdict no longer stands. ``runs``: those that the
    verdict used and that are still stored. ``releases``: the changes of experiments that cite it. ``trail_head``: the
    newest entry of the audit trail.
    """

    reads: str
    official: bool
    standing: str
    approvals: Approvals
    stale: list[str]
    runs: list[RunSummary]
    figures: list[Figure]
    releases: list[StateChange]
    trail_head: ChainHead | None
    now_us: int


class ReleaseRecord(RecordParts, frozen=True, kw_only=True):
    """A verdict as a release record. ``chain`` is ``None`` for a verdict of an earlier version."""

    verdict: Verdict
    chain: ChainPlace | None


class SavedBy(Answer, frozen=True, kw_only=True):
    """Who saved a verdict, and when."""

    actor: str
    at_time: Time


class AroundVerdict(Answer, frozen=True, kw_only=True):
    """What is stored about a verdict beside it."""

    saved: SavedBy | None
    runs: list[RunSummary]
    figures: list[Figure]


class RecomputedFinding(Answer, frozen=True, kw_only=True):
    """A finding as it was stored and as it is computed now; one of the two is ``None`` if only the other exists."""

    rule: str
    source: str
    scope: str
    stored: Result | None
    computed: Result | None
    says: str
    says_now: str
    same: bool


class RepeatedLooks(Answer, frozen=True, kw_only=True):
    """The looks at one experiment that the verdict ``judged``, those that are still stored, and those that repeat.

    ``different``: the numbers of the looks that don't repeat. ``decisions``: whether repeating them gives the decisions
    of the evidence; ``None`` if the store has no look.
    """

    experiment: str
    judged: int
    stored: int
    repeated: int
    decisions: bool | None
    different: tuple[int, ...]


class Recomputation(Answer, frozen=True, kw_only=True):
    """A verdict that was judged again. ``program`` is the version that judged first, ``program_now`` this one.

    ``differences``: a sentence for each; ``result`` is ``THE SAME`` if there is none.
    """

    verdict_id: str
    same: bool
    result: Literal["THE SAME", "CHANGED"]
    differences: tuple[str, ...]
    decision: Decision
    decision_now: Decision
    program: str
    program_now: str
    lines: tuple[RecomputedFinding, ...]
    looks: tuple[RepeatedLooks, ...]


class Integrity(Answer, frozen=True, kw_only=True):
    """Whether stored rows are as the audit trail and the chain of verdicts recorded them.

    ``covered`` and ``uncovered``: rows by table that have a digest in the trail, and rows of earlier versions without
    one. ``without_evidence``: verdicts of earlier versions. ``head`` and ``trail_head``: of the two chains.
    """

    intact: bool
    problems: list[RowProblem]
    verdicts: int
    without_evidence: int
    covered: dict[str, int]
    uncovered: dict[str, int]
    head: ChainHead | None
    trail_head: ChainHead | None


class ReportFile(Answer, frozen=True, kw_only=True):
    """A report and the name of its file."""

    file: str
    text: str

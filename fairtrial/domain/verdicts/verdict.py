"""Defines a verdict, and decides it from the findings of its rules: INVALID before BLOCK before HOLD before SHIP."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from fairtrial.domain.accounts import Role
from fairtrial.domain.estimates import Evidence
from fairtrial.domain.promises import DECIDED_BY, EXIT_CODES, UNAPPROVED
from fairtrial.domain.training_data import TrainingEvidence
from fairtrial.domain.verdicts.odds import Odds

Decision = Literal["SHIP", "HOLD", "BLOCK", "INVALID"]
Result = Literal["pass", "cannot tell", "fail", "invalid"]


MOST_SUITES = 50
"""Suites that a gate may list."""

_FIRST = ("srm", "live.primary")
_FAMILIES = ("live", "review", "judge")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one rule.

    ``rule`` is the line as written, and ``source`` the name of the suite or gate that has it. ``says`` is one sentence
    for a release manager, with the numbers. ``needed`` is what would settle an undecided rule. ``decisive`` is false
    for informative evidence. ``safety``: proven harm to users, which blocks even beside unsound evidence. ``short`` is
    the sentence without its details, where it has a short form. ``notable``: only of a change of a signal.
    """

    rule: str
    source: str
    result: Result
    says: str
    needed: str = ""
    metric: str = ""
    scope: str = ""
    evidence: Evidence | None = None
    decisive: bool = True
    safety: bool = False
    short: str = ""
    notable: bool | None = None


LineKind = Literal["content", "form", "neither", "not checked"]


@dataclass(frozen=True, slots=True)
class ControlledLine:
    """What a line measures, by whether it also passes on replaced answers: on those of other cases, or on empty ones.

    ``content``: it passes on none. ``form``: on answers of other cases, and not on empty ones, or too few cases can
    tell. ``neither``: on empty ones. ``not checked``: an earlier version made the run.
    """

    rule: str
    source: str
    kind: LineKind


@dataclass(frozen=True, slots=True)
class NegativeControls:
    """What the gate says of a candidate that answers with the answers of other cases, and of one that says nothing.

    ``shuffled`` is the mildest decision of several shuffles; both are ``None`` if no run has controls.
    """

    lines: tuple[ControlledLine, ...]
    shuffled: Decision | None
    empty: Decision | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one candidate against one baseline: the decision, its headline, and every finding.

    ``provenance`` is ``None`` for a verdict of an earlier version; ``odds`` also if nothing was compared.
    ``conflicts``: sentences on kinds of evidence that disagree, which are never averaged. ``controls``: only of a
    verdict that would be SHIP without them. ``form_only``: why the gate needs no line on what was answered. ``shown``
    and ``not_shown``: what the evidence is about, and what it says nothing about. ``pays``: from which volume it pays.
    """

    verdict_id: str
    at_us: int
    gate: str
    candidate: str
    baseline: str
    decision: Decision
    headline: str
    findings: tuple[Finding, ...]
    runs: tuple[str, ...] = ()
    candidates_judged: int | None = None
    provenance: "Provenance | None" = None
    odds: Odds | None = None
    conflicts: tuple[str, ...] = ()
    controls: NegativeControls | None = None
    form_only: str = ""
    shown: str = ""
    not_shown: str = ""
    pays: str = ""

    @property
    def approvers(self) -> tuple[Role, ...]:
        """The roles that must approve a SHIP."""
        return () if self.provenance is None else self.provenance.approvers

    @property
    def exit_code(self) -> int:
        """The exit code of `fairtrial gate`, which judges before anybody can have approved."""
        return exit_code(self.decision, self.approvers)

    @property
    def official(self) -> bool:
        """Whether the gate is the one that the project declares for releases."""
        return self.provenance is not None and self.provenance.official

    @property
    def unofficial_why(self) -> str:
        """Why the verdict is not official; empty if it is."""
        if self.provenance is None:
            return "it has no provenance"
        return "" if self.official else self.provenance.unofficial_why

    @property
    def standing(self) -> str:
        """``official``, or ``unofficial`` with the reason."""
        return "official" if self.official else f"unofficial: {self.unofficial_why}"


def exit_code(decision: Decision, waiting: Iterable[Role] = ()) -> int:
    """The exit code for a decision; ``waiting``: the roles whose approval a SHIP needs."""
    return UNAPPROVED if decision == "SHIP" and tuple(waiting) else EXIT_CODES[decision]


def decide(findings: Iterable[Finding]) -> Decision:
    """INVALID takes precedence over BLOCK, BLOCK over HOLD, HOLD over SHIP; without a decisive rule it is HOLD.

    Proven harm to users is a BLOCK even if other evidence is invalid.
    """
    deciding = [finding for finding in findings if finding.decisive]
    if any(finding.safety and finding.result == "fail" for finding in deciding):
        return "BLOCK"
    results = {finding.result for finding in deciding}
    return next((decision for result, decision in DECIDED_BY.items() if result in results), "HOLD")


def precedence(finding: Finding) -> int:
    """The order of words: harm to users, split, live primary, other live lines, experts, judges, then the rest."""
    if finding.safety:
        return 0
    if finding.metric in _FIRST:
        return 1 + _FIRST.index(finding.metric)
    family = finding.metric.partition(".")[0]
    return 1 + len(_FIRST) + (_FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES))


def interleave_sources(findings: Iterable[Finding]) -> list[Finding]:
    """The findings in round-robin order over their sources: the first of each, then the second of each.

    This way the beginning of a verdict shows problems of all suites, not only of the first.
    """
    seen: Counter[str] = Counter()
    placed: list[tuple[int, int, Finding]] = []
    for number, finding in enumerate(findings):
        placed.append((seen[finding.source], number, finding))
        seen[finding.source] += 1
    return [finding for _, _, finding in sorted(placed, key=lambda each: each[:2])]


@dataclass(frozen=True, slots=True)
class JudgedSuite:
    """A suite that a verdict is based on; ``text_digest``: SHA-256 of its stored text, ``None`` if there is none."""

    suite: str
    digest: str
    text_digest: str | None


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run that a verdict is based on. ``model``: the provider's model as declared, empty if it is unknown.

    ``fingerprint``: of the weights, ``None`` if the upstream names none. ``started_us``: microseconds since 1970, UTC.
    It repeats fields of `RunHead`, because stored verdicts contain exactly these.
    """

    run_id: str
    suite: str
    target: str
    model: str
    fingerprint: str | None
    deployment_digest: str
    started_us: int


@dataclass(frozen=True, slots=True)
class JudgedQueue:
    """A queue of blind reviews that a verdict is based on, with the number of the votes that `ReviewedQueue` has."""

    queue_id: str
    title: str
    suite: str
    votes: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change of a frozen analysis plan after its start; ``at_us``: microseconds since 1970, UTC."""

    at_us: int
    actor: str
    why: str
    analysis_hash: str


@dataclass(frozen=True, slots=True)
class JudgedExperiment:
    """The live experiment that a verdict is based on.

    ``variant``: the candidate's arm. ``plan_number``: the row of its frozen analysis plan. ``looks``: how many looks
    there were, the last at ``looked_us`` (0 before the first). ``state``: of the experiment at the time of judging.
    """

    experiment: str
    variant: str
    state: str
    plan_number: int
    analysis_hash: str
    segment: int
    attempt: int
    started_us: int
    looks: int
    looked_us: int
    amendments: tuple[Amendment, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who requested a verdict, and what it is based on.

    ``gate_text``: the gate as it was sent, with its SHA-256. ``program``: the version that judged. ``plan_hash``: the
    plan in force. ``asked_by``: an account, a key or a user of the machine, such as ``key ci``. ``official``: whether
    the gate and its suites were those that the project declares for releases; otherwise ``unofficial_why`` says why
    not. ``approvers``: the roles that must approve. ``max_age_seconds``: how old a run may be. ``definitions``: the
    digest of each target's definition. ``served``: the fingerprints of each target's newest answers, joined by ``+``.
    ``libraries``: the versions of what computes the numbers. ``training``: the candidate's lineage and its audit;
    ``None`` in a verdict of an earlier version. ``self_approval``: whether the gate lets the person who asked approve,
    too; ``None`` in a verdict of a version that counted every approval. ``evidence_digest``: equal for verdicts on
    equal evidence, which share their approvals; ``None`` in a verdict of an earlier version.
    """

    gate_text: str
    gate_sha256: str
    suites: tuple[JudgedSuite, ...]
    program: str
    plan_hash: str
    asked_by: str
    official: bool = False
    unofficial_why: str = "it was judged by a version that knew no official gate"
    approvers: tuple[Role, ...] = ()
    max_age_seconds: float | None = None
    runs: tuple[JudgedRun, ...] = ()
    queues: tuple[JudgedQueue, ...] = ()
    experiments: tuple[JudgedExperiment, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    served: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    training: TrainingEvidence | None = None
    self_approval: bool | None = None
    evidence_digest: str | None = None

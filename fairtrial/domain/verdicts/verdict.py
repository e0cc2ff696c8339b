"""Defines a verdict: the finding of each rule, and the decision SHIP, HOLD, BLOCK or INVALID."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fairtrial.domain.accounts import Role
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.verdicts.provenance import Provenance

Decision = Literal["SHIP", "HOLD", "BLOCK", "INVALID"]
Result = Literal["pass", "cannot tell", "fail", "invalid"]

EXIT_CODES: dict[Decision, int] = {"SHIP": 0, "BLOCK": 1, "HOLD": 3, "INVALID": 4}
"""2 is reserved for usage and configuration errors of all commands."""
UNAPPROVED = 5
"""The exit code of a SHIP that waits for a person's approval."""

MOST_SUITES = 50
"""Suites that a gate may list."""

ASSUMED = "assumed"
"""The method of a share that is assumed, not measured."""

WORST_FIRST: tuple[tuple[Result, Decision], ...] = (("invalid", "INVALID"), ("fail", "BLOCK"), ("cannot tell", "HOLD"))


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one rule.

    ``rule`` is the line as written, and ``source`` the name of the suite or gate that has it. ``says`` is one sentence
    for a release manager, with the numbers. ``needed`` is what would settle an undecided rule. ``decisive`` is false
    for informative evidence. ``safety``: proven harm to users, which blocks even beside unsound evidence.
    """

    rule: str
    source: str
    result: Result
    says: str
    needed: str = ""
    metric: str = ""
    scope: str = ""
    evidence: Estimate | NotEnough | Comparison | None = None
    decisive: bool = True
    safety: bool = False


@dataclass(frozen=True, slots=True)
class Odds:
    """How often an identical model would SHIP: a share of trials, with ``cases`` in the gate's largest suite.

    ``discordance``: the share of cases that differ, with its 95 % interval, or assumed. ``more_cases``: how many cases
    would raise the odds to ``more_ship``, at least 0.9; ``None`` if they are that high already, or no number would.
    ``block``: how often it would BLOCK; ``None`` from an earlier version. The bounds of both shares are those of a 90 %
    interval. They show how much the odds vary between runs of the same two models.
    """

    ship: float
    cases: int
    discordance: Estimate
    more_cases: int | None = None
    more_ship: float | None = None
    block: float | None = None
    ship_low: float | None = None
    ship_high: float | None = None
    block_low: float | None = None
    block_high: float | None = None

    def __str__(self) -> str:
        """``an identical model would SHIP in about 39 of 100 trials (25 to 55) and BLOCK in 1 (0 to 3); with …``."""
        text = f"an identical model would SHIP in about {round(100 * self.ship)} of 100 trials"
        if self.block is not None:
            text += _interval(self.ship_low, self.ship_high)
            text += f" and BLOCK in {round(100 * self.block)}{_interval(self.block_low, self.block_high)}"
        if self.more_cases is not None and self.more_ship is not None:
            text += f"; with {self.more_cases:,} cases, {round(100 * self.more_ship)}"
        share = self.discordance
        if share.method == ASSUMED:
            return f"{text} (if {100 * share.value:.0f} % of the cases differ)"
        bounds = f"{100 * share.low:.1f} to {100 * share.high:.1f} %"
        return f"{text} ({100 * share.value:.1f} % of the cases differ, {bounds})"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({round(100 * low)} to {round(100 * high)})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one candidate against one baseline: the decision, its headline, and every finding.

    ``provenance`` is ``None`` for a verdict of an earlier version; ``odds`` also if nothing was compared.
    ``conflicts``: sentences on kinds of evidence that disagree, which are never averaged.
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
    provenance: Provenance | None = None
    odds: Odds | None = None
    conflicts: tuple[str, ...] = ()

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
    def standing(self) -> str:
        """``official``, or ``unofficial`` with the reason."""
        if self.official:
            return "official"
        why = "it has no provenance" if self.provenance is None else self.provenance.unofficial_why
        return f"unofficial: {why}"


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
    for result, decision in WORST_FIRST:
        if result in results:
            return decision
    return "SHIP" if results else "HOLD"


def precedence(finding: Finding) -> int:
    """The order of words: harm to users, split, live primary, other live lines, experts, judges, then the rest."""
    if finding.safety:
        return 0
    if finding.metric in _FIRST:
        return 1 + _FIRST.index(finding.metric)
    family = finding.metric.partition(".")[0]
    return 1 + len(_FIRST) + (_FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES))


_FIRST = ("srm", "live.primary")
_FAMILIES = ("live", "review", "judge")


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

"""The gate's answer: what each rule found, and SHIP, HOLD, BLOCK or INVALID over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fairtrial.domain.estimates import Comparison, Estimate, NotEnough

Decision = Literal["SHIP", "HOLD", "BLOCK", "INVALID"]
Result = Literal["pass", "cannot tell", "fail", "invalid"]

EXIT_CODES: dict[Decision, int] = {"SHIP": 0, "BLOCK": 1, "HOLD": 3, "INVALID": 4}
"""2 is a usage or configuration error, for every command."""

ASSUMED = "assumed"
"""The method of a share that nobody has measured."""

WORST_FIRST: tuple[tuple[Result, Decision], ...] = (("invalid", "INVALID"), ("fail", "BLOCK"), ("cannot tell", "HOLD"))


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found.

    ``rule`` is the line as written; ``source`` where it stands (a suite's or a gate's name); ``says`` one sentence in
    a release manager's words, numbers included; ``needed`` what would settle it; ``decisive`` is false for evidence
    that is shown but does not decide.
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


@dataclass(frozen=True, slots=True)
class Odds:
    """How often an identical model would SHIP by a gate: a share of trials, with ``cases`` in its largest suite.

    ``discordance``: the share of cases that differ, with its 95 % interval, or as assumed. ``more_cases``: how many
    would bring the odds to ``more_ship``, 0.9 or more; ``None`` where they are so already, or where none would.
    """

    ship: float
    cases: int
    discordance: Estimate
    more_cases: int | None = None
    more_ship: float | None = None

    def __str__(self) -> str:
        """``an identical model would SHIP in about 39 of 100 trials; with 900 cases, 90 (if 10 % …)``."""
        text = f"an identical model would SHIP in about {round(100 * self.ship)} of 100 trials"
        if self.more_cases is not None and self.more_ship is not None:
            text += f"; with {self.more_cases:,} cases, {round(100 * self.more_ship)}"
        share = self.discordance
        if share.method == ASSUMED:
            return f"{text} (if {100 * share.value:.0f} % of the cases differ)"
        bounds = f"{100 * share.low:.1f} to {100 * share.high:.1f} %"
        return f"{text} ({100 * share.value:.1f} % of the cases differ, {bounds})"


@dataclass(frozen=True, slots=True)
class JudgedSuite:
    """A suite that a verdict was given on; ``text_digest``: SHA-256 of its stored text, ``None`` if there is none."""

    suite: str
    digest: str
    text_digest: str | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who asked for a verdict, and by what it was given.

    ``gate_text``: the gate as it was sent, and its SHA-256; ``program``: the version that judged; ``plan_hash``: the
    plan in force; ``asked_by``: an account, a key or a user of the machine, such as ``key ci``.
    """

    gate_text: str
    gate_sha256: str
    suites: tuple[JudgedSuite, ...]
    program: str
    plan_hash: str
    asked_by: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One candidate against one baseline: the decision, its first sentence, and every finding.

    ``provenance`` is ``None`` for a verdict that an earlier version gave; ``odds`` also where nothing was compared.
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

    @property
    def exit_code(self) -> int:
        """What `fairtrial gate` exits with."""
        return EXIT_CODES[self.decision]


def decide(findings: Iterable[Finding]) -> Decision:
    """INVALID over BLOCK over HOLD over SHIP; a gate with no decisive rule can't ship anything: HOLD."""
    results = {finding.result for finding in findings if finding.decisive}
    for result, decision in WORST_FIRST:
        if result in results:
            return decision
    return "SHIP" if results else "HOLD"


def spread(findings: Iterable[Finding]) -> list[Finding]:
    """The findings so that the first ones speak for as many suites as there are: one of each, then the second of each.

    Whoever reads only the beginning of a verdict learns that a model forgot as well as that it breaks the schema.
    """
    seen: Counter[str] = Counter()
    placed: list[tuple[int, int, Finding]] = []
    for number, finding in enumerate(findings):
        placed.append((seen[finding.source], number, finding))
        seen[finding.source] += 1
    return [finding for _, _, finding in sorted(placed, key=lambda each: each[:2])]

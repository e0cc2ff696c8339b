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

    ``provenance`` is ``None`` for a verdict that an earlier version gave.
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

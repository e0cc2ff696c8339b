"""Judges a stored verdict again from its own evidence, and repeats the looks of its live experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from math import isclose
from typing import Any

from evaluators.gate.evidence.document import Evidence, decode, judge_again
from evaluators.gate.live.experiment import LiveExperiment
from fairtrial.domain.errors import Conflict
from fairtrial.domain.verdict import Decision, Finding, Verdict
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import verdict_chain
from fairtrial.store.experiments.charts.repeated_looks import RepeatedLook, repeated_looks
from gateway.control.operations.verdicts.vote_on_verdict import find_verdict

PRECISION = 1e-9
"""The relative difference of two numbers that another machine's libraries may cause."""


@dataclass(frozen=True, slots=True)
class Line:
    """One finding as it was stored and as it is computed now; one of the two is ``None`` if only the other exists."""

    rule: str
    source: str
    scope: str
    stored: str | None
    computed: str | None
    says: str
    says_now: str
    same: bool


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks at one experiment that the verdict ``judged``, those that are still stored, and those that repeat.

    ``decisions``: whether repeating them gives the decisions of the evidence; ``None`` if the store has no look.
    """

    experiment: str
    judged: int
    stored: int
    repeated: int
    decisions: bool | None


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A verdict that was judged again. ``program`` is the version that judged first, ``program_now`` this one."""

    verdict_id: str
    same: bool
    decision: Decision
    decision_now: Decision
    program: str
    program_now: str
    lines: tuple[Line, ...]
    looks: tuple[Looks, ...] = ()


def recompute(database: Database, verdict_id: str) -> Recomputed:
    """Judge the verdict again from its stored evidence; nothing is stored.

    Raises `NotFound`, `Conflict` for a verdict of an earlier version, and `UsageError` for damaged evidence.
    """
    verdict = find_verdict(database, verdict_id)
    verdict_id = verdict.verdict_id
    evidence = evidence_of(database, verdict_id)
    again = judge_again(evidence, verdict_id)
    lines = tuple(_lines(verdict.findings, again.findings))
    looks = tuple(_looks(database, verdict, evidence))
    same = all(line.same for line in lines) and _alike(_whole(verdict), _whole(again))
    same = same and all(one.decisions and one.judged == one.stored == one.repeated for one in looks)
    program = "" if verdict.provenance is None else verdict.provenance.program
    return Recomputed(verdict_id, same, verdict.decision, again.decision, program, version("fairtrial"), lines, looks)


def evidence_of(database: Database, verdict_id: str) -> Evidence:
    """The stored evidence; raises `Conflict` if there is none, and `UsageError` if it is damaged."""
    document = verdict_chain.evidence_of(database, verdict_id)
    if document is None:
        raise Conflict(f"verdict {verdict_id}: an earlier version judged it, without keeping the evidence")
    return decode(document)


def _whole(verdict: Verdict) -> dict[str, Any]:
    """What belongs to no line."""
    odds = None if verdict.odds is None else asdict(verdict.odds)
    return {"decision": verdict.decision, "headline": verdict.headline, "conflicts": verdict.conflicts, "odds": odds,
            "runs": verdict.runs}  # fmt: skip


def _lines(stored: Sequence[Finding], computed: Sequence[Finding]) -> Iterator[Line]:
    for at in range(max(len(stored), len(computed))):
        old = stored[at] if at < len(stored) else None
        new = computed[at] if at < len(computed) else None
        named = old or new
        assert named is not None
        yield Line(
            named.rule,
            named.source,
            named.scope,
            None if old is None else old.result,
            None if new is None else new.result,
            "" if old is None else old.says,
            "" if new is None else new.says,
            _same(old, new),
        )


def _same(old: Finding | None, new: Finding | None) -> bool:
    """Whether the evidence gives the same finding; advice may differ, and a later version may show more."""
    if new is None or old is None:
        return new is not None and not new.decisive
    return _alike(asdict(replace(old, needed="")), asdict(replace(new, needed="")))


def _alike(one: Any, other: Any) -> bool:
    """Whether two values are equal, with numbers equal up to the precision of another machine's libraries."""
    if isinstance(one, float) and isinstance(other, float | int):
        return one == other or isclose(one, other, rel_tol=PRECISION, abs_tol=PRECISION)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
    return bool(one == other)


def _looks(database: Database, verdict: Verdict, evidence: Evidence) -> Iterator[Looks]:
    """Repeat every look that the verdict could read, from its stored sums."""
    kept = () if verdict.provenance is None else verdict.provenance.experiments
    for live in evidence.live.experiments:
        judged = next((one for one in kept if one.experiment == live.name), None)
        if judged is not None and judged.looks:
            looks = repeated_looks(database, judged.plan_number, until_us=judged.looked_us)
            yield _repeat(live, looks, judged.looks)


def _repeat(live: LiveExperiment, looks: Sequence[RepeatedLook], judged: int) -> Looks:
    memory, repeated = Memory(), 0
    for look in looks:
        primary = look.plan.primary
        found = find(look.plan, look.sums, memory.looked(primary.metric) if primary else None)
        repeated += all(_alike(asdict(one), asdict(stored)) for one, stored in _pairs(found, look))
        memory = memory.after(look.plan, look.sums, found)
    decisions = all(
        memory.latched[key].answer == one.answer for key, one in live.memory.latched.items() if key in memory.latched
    )
    return Looks(live.name, judged, len(looks), repeated, decisions if looks else None)


def _pairs(found: Sequence[Any], look: RepeatedLook) -> Iterator[tuple[Any, Any]]:
    computed = {(one.metric, one.variant): one for one in found}
    return ((computed[one.metric, one.variant], one) for one in look.findings if (one.metric, one.variant) in computed)

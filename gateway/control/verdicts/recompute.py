"""Judges a stored verdict again from its own evidence, and repeats the looks of its live experiments."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from math import isclose
from typing import Any

import msgspec

from evaluators.gate.evidence import Evidence, decode
from evaluators.gate.judge import judge_again
from evaluators.gate.live_evidence import LiveExperiment, contradictions
from fairtrial.api.verdict_answers import Recomputation, RecomputedFinding, RepeatedLooks
from fairtrial.domain.errors import Conflict
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.experiments.analysis.findings import effect_over_time
from fairtrial.experiments.analysis.memory import Memory, SplitLatch
from fairtrial.experiments.decision.decide import look as look_at
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import verdict_chain
from fairtrial.store.experiments.stored_looks import UNREADABLE, RepeatedLook, StoredLook, repeated_looks
from gateway.control.verdicts.release.approvals import find_verdict

PRECISION = 1e-9
"""The relative difference of two numbers that another machine's libraries may cause."""


def _line_difference(line: RecomputedFinding) -> str:
    if line.stored != line.computed:
        return f"{line.rule} ({line.source}): {line.stored} when stored, {line.computed} now"
    return f"{line.rule} ({line.source}): its numbers or words differ"


def _look_differences(looks: RepeatedLooks) -> Iterator[str]:
    """A sentence for each look that does not repeat, and for what follows from them."""
    if looks.stored != looks.judged:
        yield f"{looks.stored} looks at {looks.experiment} are stored, and the verdict judged {looks.judged}"
    for number in looks.different:
        yield f"look {number} of {looks.experiment} does not repeat: its findings differ from its sums"
    if looks.decisions is False:
        yield f"the looks at {looks.experiment} give other decisions than the evidence has"


def recompute(database: Database, verdict_id: str) -> Recomputation:
    """Judge the verdict again from its stored evidence; nothing is stored.

    Raises `NotFound`, `Conflict` for a verdict of earlier rules, and `UsageError` for damaged evidence.
    """
    verdict = find_verdict(database, verdict_id)
    verdict_id = verdict.verdict_id
    evidence = evidence_of(database, verdict_id)
    again = judge_again(evidence, verdict_id)
    lines = tuple(_lines(verdict.findings, again.findings))
    looks = tuple(_looks(database, verdict, evidence))
    differences = (
        *_whole_differences(verdict, again),
        *(_line_difference(line) for line in lines if not line.same),
        *contradictions(evidence.live),
        *(line for each in looks for line in _look_differences(each)),
    )
    return Recomputation(
        verdict_id=verdict_id,
        same=not differences,
        result="CHANGED" if differences else "THE SAME",
        differences=differences,
        decision=verdict.decision,
        decision_now=again.decision,
        program="" if verdict.provenance is None else verdict.provenance.program,
        program_now=version("fairtrial"),
        lines=lines,
        looks=looks,
    )


def evidence_of(database: Database, verdict_id: str) -> Evidence:
    """The stored evidence; raises `Conflict` for none or one of earlier rules, and `UsageError` if it is damaged."""
    document = verdict_chain.evidence_of(database, verdict_id)
    if document is None:
        raise Conflict(f"verdict {verdict_id}: an earlier version judged it, without keeping the evidence")
    try:
        return decode(document)
    except Conflict as error:
        raise Conflict(f"verdict {verdict_id}: {error}") from None


def _whole_differences(stored: Verdict, computed: Verdict) -> Iterator[str]:
    new = _whole(computed)
    for name, old in _whole(stored).items():
        if not _alike(old, new[name]):
            yield f"{name}: {old} when stored, {new[name]} now"


def _whole(verdict: Verdict) -> dict[str, Any]:
    """What belongs to no line."""
    odds = None if verdict.odds is None else asdict(verdict.odds)
    controls = None if verdict.controls is None else asdict(verdict.controls)
    return {"decision": verdict.decision, "headline": verdict.headline, "conflicts": verdict.conflicts, "odds": odds,
            "runs": verdict.runs, "controls": controls, "form_only": verdict.form_only, "shown": verdict.shown,
            "not_shown": verdict.not_shown}  # fmt: skip


def _lines(stored: Sequence[Finding], computed: Sequence[Finding]) -> Iterator[RecomputedFinding]:
    for at in range(max(len(stored), len(computed))):
        old = stored[at] if at < len(stored) else None
        new = computed[at] if at < len(computed) else None
        named = old or new
        assert named is not None
        yield RecomputedFinding(
            rule=named.rule,
            source=named.source,
            scope=named.scope,
            stored=None if old is None else old.result,
            computed=None if new is None else new.result,
            says="" if old is None else old.says,
            says_now="" if new is None else new.says,
            same=_same(old, new),
        )


def _same(old: Finding | None, new: Finding | None) -> bool:
    """Whether the evidence gives the same finding; advice may differ, and a later version may show more."""
    if new is None or old is None:
        return new is not None and not new.decisive
    return _alike(asdict(replace(old, needed="", short="")), asdict(replace(new, needed="", short="")))


def _alike(left: Any, right: Any) -> bool:
    """Whether two values are equal, with numbers equal up to the precision of another machine's libraries."""
    if isinstance(left, float) and isinstance(right, float | int):
        return left == right or isclose(left, right, rel_tol=PRECISION, abs_tol=PRECISION)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_alike(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_alike, left, right))
    return bool(left == right)


def _looks(database: Database, verdict: Verdict, evidence: Evidence) -> Iterator[RepeatedLooks]:
    """Repeat every look that the verdict could read, from its stored sums."""
    judged_experiments = () if verdict.provenance is None else verdict.provenance.experiments
    for live in evidence.live.experiments:
        judged = next((experiment for experiment in judged_experiments if experiment.experiment == live.name), None)
        if judged is not None and judged.looks:
            looks = repeated_looks(database, judged.plan_number, until_us=judged.looked_us)
            yield _repeat(live, looks, judged.looks)


def _repeat(live: LiveExperiment, looks: Sequence[StoredLook], judged: int) -> RepeatedLooks:
    memory, last = Memory(), None
    different = []
    for stored in looks:
        try:
            last = look = stored.read()
            findings = look_at(look.plan, memory, look.sums)
            memory = memory.after(look.plan, look.sums, findings)
        except UNREADABLE:
            different.append(stored.number)
            continue
        if not _repeats(findings, look) or _lost_us(memory.split) != _lost_us(look.split):
            different.append(stored.number)
    decisions = all(
        memory.latched[key].answer == latch.answer
        for key, latch in live.memory.latched.items()
        if key in memory.latched
    )
    decisions = decisions and (last is None or _same_weeks(live, last))
    repeated = len(looks) - len(different)
    return RepeatedLooks(
        experiment=live.name,
        judged=judged,
        stored=len(looks),
        repeated=repeated,
        decisions=decisions if looks else None,
        different=tuple(different),
    )


def _lost_us(split: SplitLatch) -> int | None:
    """When unequally lost records made the comparison invalid."""
    return None if split.lost is None else split.lost.crossed_us


def _same_weeks(live: LiveExperiment, last: RepeatedLook) -> bool:
    """Whether the sums of the last look give the effect by week that the evidence has."""
    primary, stored = last.plan.primary, None if live.decision is None else live.decision.primary
    if primary is None or stored is None or not stored.over_time:
        return True
    again = effect_over_time(last.plan, primary, last.sums, live.variant)
    return _alike(msgspec.to_builtins(again), msgspec.to_builtins(stored.over_time))


def _repeats(findings: Sequence[Any], look: RepeatedLook) -> bool:
    """Whether the stored findings are those of the sums: each computed one is there once, and each equals its own.

    Stored findings on metrics that the plan does not have, because an amendment removed them, are not compared.
    """
    computed = {(finding.metric, finding.variant): finding for finding in findings}
    stored = [finding for finding in look.findings if finding.metric in {metric for metric, _ in computed}]
    if len(stored) != len(computed):
        return False
    return all(
        (finding.metric, finding.variant) in computed
        and _alike(asdict(computed[finding.metric, finding.variant]), asdict(finding))
        for finding in stored
    )

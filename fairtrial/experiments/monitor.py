"""Decides what a running experiment needs now: nothing, a kill, a pause, the next stage, an approval, or its end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import log
from typing import Any, Literal

import msgspec

from fairtrial.domain.decision.values import Decision, GuardrailDecision, KeptAway
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis.memory import Looked, Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.acceptance import grown_words
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline, Key
from fairtrial.experiments.decision.decide import decide, is_look_due, look
from fairtrial.experiments.decision.guardrail_words import NEAR, decline_words, e_value_words, kept_decline_words
from fairtrial.experiments.decision.plain_declines import has_grown
from fairtrial.experiments.decision.waits import Wait
from fairtrial.experiments.decision.wording import effect_words
from fairtrial.experiments.kept_away import kept_away_words, many_kept_away
from fairtrial.experiments.lifecycle import DECLINED, KEPT_AWAY, MODELS, WORSE
from fairtrial.experiments.methods.events import harm_only
from fairtrial.experiments.methods.finding import Finding, between_words, level_words
from fairtrial.experiments.promotion import over_words
from fairtrial.experiments.sums import Sums

NEAR_KILL = -log(NEAR)
"""A stage waits while the evidence of harm exceeds a quarter of what kills."""

Do = Literal["kill", "pause", "stage", "end", "rollback"]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a step must know besides the data. Times are microseconds since 1970, UTC.

    ``stage``: percent of the units now, since ``stage_since_us``. ``approved``: stages that a person allowed.
    ``followed``: whether all workers serve the published plan; ``None`` if that is unknown. ``changed``: the variants
    behind which another model answers now. ``served``: the arms that got requests in this stage; ``None`` if unknown.
    ``kept_away``: the treatments' requests of the last hour since it runs that a breaker kept away; ``rested``: those
    that were kept away because the provider asked for a pause.
    ``accepted``: the declines that a resume accepted in this segment, by metric and variant. ``late_us``: the
    time since the start that only a clock's correction made; no wait counts it. ``held``: what waits need; or empty.
    """

    now_us: int
    stage: float
    stage_since_us: int
    approved: frozenset[float] = frozenset()
    followed: bool | None = True
    changed: tuple[str, ...] = ()
    served: frozenset[str] | None = None
    kept_away: tuple[KeptAway, ...] = ()
    rested: tuple[KeptAway, ...] = ()
    accepted: Mapping[Key, AcceptedDecline] = field(default_factory=dict)
    late_us: int = 0
    held: str = ""

    def is_over(self, plan: AnalysisPlan) -> bool:
        """Whether the plan's time is over, by a clock that is trusted."""
        return not self.held and self.now_us >= self.end_us(plan)

    def end_us(self, plan: AnalysisPlan) -> int:
        return plan.ends_us + self.late_us

    def stage_end_us(self, plan: AnalysisPlan) -> int:
        return self.stage_since_us + round(plan.enrolment.min_hours * HOUR_US)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, why, and on what evidence."""

    do: Do
    why: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    stage: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one step of the monitor.

    ``findings`` is empty if no look was due; ``decisions`` is that of the memory, by treatment. ``waits``: what the
    next stage still needs, and what all decisions that wait for time need.
    """

    memory: Memory
    decisions: Mapping[str, Decision]
    findings: tuple[Finding, ...] = ()
    verdict: Verdict | None = None
    waits: tuple[Wait, ...] = ()

    @property
    def asks_approval(self) -> float | None:
        """The stage that waits for a person alone."""
        return self.waits[0].number if [wait.needs for wait in self.waits] == ["approval"] else None


def step(plan: AnalysisPlan, memory: Memory, sums: Sums, around: Circumstances) -> Step:
    """One step: look if a look is due, and decide. The same data and times always give the same steps.

    Harm by counted events is tested at every step. All other tests are made only at looks.
    """
    plan = plan.in_week(sums.at_us)
    memory = memory.in_week(plan)
    findings: tuple[Finding, ...] = ()
    if is_look_due(plan, memory, sums):
        findings = look(plan, memory, sums)
        memory = memory.after(plan, sums, findings)
    else:
        memory = memory.with_split(plan, sums)
    decisions = decide(Looked(plan=plan, memory=memory, findings=findings, sums=sums))
    stop = _stop(plan, decisions, sums) or _declined(plan, decisions, sums, around.accepted)
    if stop is not None:
        return Step(memory, decisions, findings, stop if plan.kept_control is None else replace(stop, do="rollback"))
    if around.changed:
        return Step(memory, decisions, findings, _changed(around.changed))
    if away := many_kept_away(around.kept_away):
        return Step(memory, decisions, findings, _kept_away(away))
    if around.is_over(plan):
        return Step(memory, decisions, findings, Verdict("end", _over(plan, decisions), _excluded(memory)))
    return _stage(plan, (memory, decisions), sums, around, findings)


def _stop(plan: AnalysisPlan, decisions: Mapping[str, Decision], sums: Sums) -> Verdict | None:
    """What proven harm, or a worse primary metric, asks for; a kill goes before a pause.

    It also carries out a kill that an earlier look has proven, as after a crash.
    """
    harmed = [(decision, guardrail) for decision in decisions.values() for guardrail in decision.harmed]
    stops = [
        _harmed(plan, decision, guardrail, sums)
        for decision, guardrail in harmed
        if guardrail.signal == "kill" or guardrail.treatment.level is not None
    ]
    worse = [decision for decision in decisions.values() if decision.worse]
    if worse and plan.on_worse != "continue":
        stops.append(_worse(plan, worse, sums))
    return next((verdict for verdict in stops if verdict.do == "kill"), stops[0] if stops else None)


def _harmed(plan: AnalysisPlan, decision: Decision, harmed: GuardrailDecision, sums: Sums) -> Verdict:
    """The kill, or the pause if the guardrail says so."""
    metric, variant, strength = plan.metric(harmed.metric), decision.variant, e_value_words(harmed.log_e)
    if harmed.treatment.level is None:
        why = f"{harmed.metric} of {variant}: an earlier look proved harm ({strength})"
    else:
        levels = f"{level_words(harmed.treatment.level, metric)} against {level_words(harmed.control.level, metric)}"
        units = counted(sums.arms[variant].units, "unit")
        why = f"{harmed.metric} of {variant}: {levels} of {plan.control} ({strength}, {units} of {variant})"
    evidence = {
        "metric": harmed.metric,
        "variant": variant,
        "log_e": harmed.log_e,
        "log_kill": harmed.log_kill,
        "control": harmed.control.level,
        "treatment": harmed.treatment.level,
        "units": _units(sums),
        "at_us": harmed.answered_us,
    }
    return Verdict("pause" if harmed.signal == "pause" else "kill", why, evidence)


def _declined(
    plan: AnalysisPlan, decisions: Mapping[str, Decision], sums: Sums, accepted: Mapping[Key, AcceptedDecline]
) -> Verdict | None:
    """The pause for declines that nobody has accepted, or that have grown beyond what was accepted.

    While a control is kept, they are an alarm.
    """
    declines = [
        (variant, guardrail)
        for variant, decision in decisions.items()
        for guardrail in decision.pausing
        if (known := accepted.get((guardrail.metric, variant))) is None or has_grown(plan, sums, known)
    ]
    if not declines or plan.kept_control is not None:
        return None
    found = ((decline_words(plan, name, each), accepted.get((each.metric, name))) for name, each in declines)
    why = "; ".join(words + grown_words(plan, known) for words, known in found)
    evidence = {
        DECLINED: [
            {"metric": decline.metric, "variant": variant, "log_e": decline.log_e, "log_kill": decline.log_kill}
            for variant, decline in declines
        ],
        "units": _units(sums),
        "at_us": sums.at_us,
    }
    return Verdict("pause", f"{why}; continuing accepts this", evidence)


def _worse(plan: AnalysisPlan, worse: list[Decision], sums: Sums) -> Verdict:
    why = "; ".join(f"{decision.variant} is worse: {effect_words(plan, decision)}" for decision in worse)
    evidence = {WORSE: [decision.variant for decision in worse], "units": _units(sums), "at_us": sums.at_us}
    return Verdict("kill" if plan.on_worse == "kill" else "pause", why, evidence)


def _units(sums: Sums) -> dict[str, int]:
    return {name: arm.units for name, arm in sums.arms.items()}


def _changed(variants: tuple[str, ...]) -> Verdict:
    why = f"another model answers for {' and '.join(variants)} than at the start; continuing starts a new segment"
    return Verdict("pause", why, {MODELS: list(variants)})


def _kept_away(arms: list[KeptAway]) -> Verdict:
    evidence = {KEPT_AWAY: [arm.variant for arm in arms], "arms": msgspec.to_builtins(arms)}
    why = f"{kept_away_words('an open breaker', arms)}; this proves no harm, and control resumes once it answers"
    return Verdict("pause", why, evidence)


def _over(plan: AnalysisPlan, decisions: Mapping[str, Decision]) -> str:
    """Why it ends, with what the looks exclude."""
    if plan.kept_control is not None:
        return over_words(plan.kept_control, plan.control, kept_decline_words(plan, decisions.values()))
    lines = [f"{counted(plan.max_weeks, 'week')} {'is' if plan.max_weeks == 1 else 'are'} over"]
    for variant, decision in decisions.items():
        primary = decision.primary
        if primary is not None and primary.interval is not None:
            lines.append(f"{variant} is {between_words(primary.interval.estimate(), plan.metric(primary.metric))}")
    return "; ".join(lines)


def _excluded(memory: Memory) -> dict[str, Any]:
    return {
        f"{metric} of {variant}": {"low": latched.running.stored()["low"], "high": latched.running.stored()["high"]}
        for (metric, variant), latched in memory.latched.items()
    }


def _stage(
    plan: AnalysisPlan,
    known: tuple[Memory, Mapping[str, Decision]],
    sums: Sums,
    around: Circumstances,
    findings: tuple[Finding, ...],
) -> Step:
    following = plan.enrolment.after(around.stage)
    waits = tuple(_waits(plan, following, known[0], sums, around))
    if waits or following is None:
        return Step(*known, findings, waits=waits)
    why = f"every condition of the {following:g} % stage holds"
    return Step(*known, findings, Verdict("stage", why, {"units": _units(sums), "stage": following}, following))


def _waits(
    plan: AnalysisPlan, following: float | None, memory: Memory, sums: Sums, around: Circumstances
) -> Iterator[Wait]:
    """What the ``following`` stage still needs; if there is none, what the end needs."""
    if around.held:
        yield Wait("clock", why=around.held)
    if following is None:
        return
    if memory.split.invalid:
        yield Wait("split", why=memory.split.fault)
    if short := {name: arm.units for name, arm in sums.arms.items() if arm.units < plan.enrolment.min_units}:
        yield Wait("units", plan.enrolment.min_units, arms=short)
    if around.now_us < around.stage_end_us(plan):
        yield Wait("hours", plan.enrolment.min_hours, until_us=around.stage_end_us(plan))
    for (metric, variant), lacking in _harm(plan, sums, memory).items():
        if lacking > -NEAR_KILL and (metric, variant) not in around.accepted:
            yield Wait("less harm", metric=metric, arms={variant: sums.arms[variant].units})
    for guardrail in plan.guardrails:
        if guardrail.method in ("feedback", "given"):
            continue  # their windows are still open in an early stage
        if missing := {name: arm.units for name, arm in sums.arms.items() if guardrail.metric not in arm.metrics}:
            yield Wait("data", metric=guardrail.metric, arms=missing)
    if around.served is not None and (without := set(plan.shares) - around.served):
        yield Wait("requests", arms=dict.fromkeys(without, 0))
    if around.followed is False:
        yield Wait("workers")
    if following in plan.enrolment.approve and following not in around.approved:
        yield Wait("approval", following)


def _harm(plan: AnalysisPlan, sums: Sums, memory: Memory) -> dict[tuple[str, str], float]:
    """How much of what kills there is: now for counted events, and at the last look for other guardrails."""
    guards = {metric.metric for metric in plan.guardrails if not metric.counts_events or metric.method == "shares"}
    evidence = {
        key: latched.now for key, latched in memory.latched.items() if key[0] in guards and latched.now is not None
    }
    for key, beyond in harm_only(plan, sums).items():
        evidence[key] = max(beyond, evidence.get(key, beyond))
    return evidence

"""Decides what a running experiment needs now: nothing, a kill, a pause, the next stage, an approval, or its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil, exp, log
from typing import Any, Literal

from fairtrial.domain.estimates import Estimate
from fairtrial.domain.plurals import counted
from fairtrial.experiments.analysis.findings import Finding, find
from fairtrial.experiments.analysis.harm import harm_only
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.sums import Sums
from fairtrial.experiments.lifecycle import MODELS

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
WEEK_US = 7 * DAY_US
NEAR_KILL = log(4)
"""A stage waits while the evidence of harm exceeds a quarter of what kills."""

LARGEST = 30.0
"""Larger logarithms of evidence are shown as this one."""

Do = Literal["kill", "pause", "stage", "end"]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a step must know besides the data. Times are microseconds since 1970, UTC.

    ``stage``: percent of the units now, since ``stage_since_us``. ``approved``: stages that a person allowed.
    ``followed``: whether all workers serve the published plan; ``None`` if that is unknown. ``changed``: the variants
    behind which another model answers now. ``served``: the arms that got requests in this stage; ``None`` if unknown.
    """

    now_us: int
    stage: float
    stage_since_us: int
    approved: frozenset[float] = frozenset()
    followed: bool | None = True
    changed: tuple[str, ...] = ()
    served: frozenset[str] | None = None


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

    ``findings`` is empty if no look was due. ``waits`` says what the next stage still needs. ``asks_approval`` is the
    stage that waits for a person alone.
    """

    memory: Memory
    findings: tuple[Finding, ...] = ()
    verdict: Verdict | None = None
    waits: tuple[str, ...] = ()
    asks_approval: float | None = None


def step(plan: AnalysisPlan, memory: Memory, sums: Sums, around: Circumstances) -> Step:
    """One step: look if a look is due, and decide. The same data and times always give the same steps.

    Harm by counted events is tested at every step. All other tests are made only at looks.
    """
    found: tuple[Finding, ...] = ()
    if memory.is_due(sums) or any(one.proven for one in harm_only(plan, sums)):
        found = find(plan, sums, memory.looked(plan.primary.metric) if plan.primary else None)
        memory = memory.after(plan, sums, found)
    else:
        memory = memory.with_split(plan, sums)
    stop = _harmed(plan, found, sums) or _still_harmed(plan, memory, sums)
    if stop is not None:
        return Step(memory, found, stop)
    if around.changed:
        return Step(memory, found, _changed(around.changed))
    if around.now_us >= plan.started_us + plan.max_weeks * WEEK_US:
        return Step(memory, found, Verdict("end", _over(plan, memory), _excluded(memory)))
    return _stage(plan, memory, sums, around, found)


def passes_us(plan: AnalysisPlan, answered_us: int) -> int:
    """From when the primary metric's answer counts: after whole weeks, or a shorter time that the plan allows."""
    if plan.min_days < 7:
        return max(answered_us, plan.from_us + round(plan.min_days * DAY_US))
    weeks = max(ceil(plan.min_days / 7), ceil((answered_us - plan.from_us) / WEEK_US))
    return plan.from_us + weeks * WEEK_US


def _harmed(plan: AnalysisPlan, found: tuple[Finding, ...], sums: Sums) -> Verdict | None:
    """What this look's proven harm asks for; a kill goes before a pause."""
    stops = [_stop(plan, one, sums) for one in found if one.harmed]
    return next((one for one in stops if one.do == "kill"), stops[0] if stops else None)


def _still_harmed(plan: AnalysisPlan, memory: Memory, sums: Sums) -> Verdict | None:
    """The kill of an earlier look that was stored but not carried out, as after a crash."""
    for one in plan.guardrails:
        for variant in plan.treatments if one.signal == "kill" else ():
            latched = memory.latched.get((one.metric, variant))
            if latched is not None and latched.answer == "harm":
                evidence = {
                    "metric": one.metric,
                    "variant": variant,
                    "log_e": latched.log_e,
                    "units": {name: arm.units for name, arm in sums.arms.items()},
                    "at_us": latched.answered_us,
                }
                why = f"{one.metric} of {variant}: an earlier look proved harm (e-value {_e(latched.log_e)})"
                return Verdict("kill", why, evidence)
    return None


def _stop(plan: AnalysisPlan, found: Finding, sums: Sums) -> Verdict:
    """The kill, or the pause if the guardrail says so."""
    metric = next(one for one in plan.guardrails if one.metric == found.metric)
    levels = f"{_level(found.treatment, metric)} against {_level(found.control, metric)} of {plan.control}"
    units = counted(sums.arms[found.variant].units, "unit")
    why = f"{found.metric} of {found.variant}: {levels} (e-value {_e(found.log_e)}, {units} of {found.variant})"
    evidence = {
        "metric": found.metric,
        "variant": found.variant,
        "log_e": found.log_e,
        "log_kill": found.log_kill,
        "control": found.control,
        "treatment": found.treatment,
        "units": {name: arm.units for name, arm in sums.arms.items()},
        "at_us": sums.at_us,
    }
    return Verdict("pause" if metric.signal == "pause" else "kill", why, evidence)


def _level(value: float | None, metric: MetricPlan) -> str:
    if value is None:
        return "unknown"
    return f"{100 * value:.3g} %" if metric.within == (0.0, 1.0) else f"{value:.4g}"


def _e(log_e: float | None) -> str:
    return "unknown" if log_e is None else f"{exp(min(log_e, LARGEST)):,.0f}"


def _changed(variants: tuple[str, ...]) -> Verdict:
    names = " and ".join(variants)
    why = f"another model answers for {names} than at the start; a resume starts a new segment"
    return Verdict("pause", why, {MODELS: list(variants)})


def _over(plan: AnalysisPlan, memory: Memory) -> str:
    """Why it ends, with what the looks exclude."""
    lines = [f"{counted(plan.max_weeks, 'week')} are over"] if plan.max_weeks != 1 else ["1 week is over"]
    primary = plan.primary
    for variant in plan.treatments if primary else ():
        latched = memory.latched.get((primary.metric, variant)) if primary else None
        interval = latched.running.interval() if latched else None
        if isinstance(interval, Estimate):
            low, high = 100 * interval.low, 100 * interval.high
            lines.append(f"{variant} is between {low:+.3g} and {high:+.3g} points" if primary and _is_share(plan)
                         else f"{variant} differs by {interval.low:.4g} to {interval.high:.4g}")  # fmt: skip
    return "; ".join(lines)


def _is_share(plan: AnalysisPlan) -> bool:
    primary = plan.primary
    return primary is not None and primary.method != "quantile" and primary.within == (0.0, 1.0)


def _excluded(memory: Memory) -> dict[str, Any]:
    return {
        f"{metric} of {variant}": {"low": one.running.stored()["low"], "high": one.running.stored()["high"]}
        for (metric, variant), one in memory.latched.items()
    }


def _stage(plan: AnalysisPlan, memory: Memory, sums: Sums, around: Circumstances, found: tuple[Finding, ...]) -> Step:
    following = next((one for one in plan.stages if one > around.stage), None)
    if following is None:
        return Step(memory, found)
    waits = tuple(_waits(plan, memory, sums, around))
    unapproved = following in plan.approve and following not in around.approved
    if unapproved and not waits:
        return Step(memory, found, waits=(f"approval of the {following:g} % stage",), asks_approval=following)
    if unapproved:
        waits = (*waits, f"approval of the {following:g} % stage")
    if waits:
        return Step(memory, found, waits=waits)
    why = f"every condition of the {following:g} % stage holds"
    evidence = {"units": {name: arm.units for name, arm in sums.arms.items()}, "stage": following}
    return Step(memory, found, Verdict("stage", why, evidence, following))


def _waits(plan: AnalysisPlan, memory: Memory, sums: Sums, around: Circumstances) -> Iterator[str]:
    """What the next stage still needs, apart from an approval."""
    if memory.split.invalid:
        yield "a valid split: the sample ratio does not match"
    short = {name: arm.units for name, arm in sums.arms.items() if arm.units < plan.min_units}
    if short:
        have = ", ".join(f"{name} has {units:,}" for name, units in sorted(short.items()))
        yield f"{plan.min_units:,} units in each arm ({have})"
    until_us = around.stage_since_us + round(plan.min_hours * HOUR_US)
    if around.now_us < until_us:
        until = datetime.fromtimestamp(until_us / 1e6, UTC)
        yield f"{plan.min_hours:g} hours of this stage (until {until:%d %b %H:%M} UTC)"
    for (metric, variant), lacking in _harm(plan, sums, memory).items():
        if lacking > -NEAR_KILL:
            yield f"less evidence of harm by {metric} of {variant}"
    for one in plan.guardrails:
        if one.method in ("feedback", "given"):
            continue  # their windows are still open in an early stage
        missing = [name for name, arm in sums.arms.items() if one.metric not in arm.metrics]
        if missing:
            yield f"data for {one.metric} ({', '.join(sorted(missing))})"
    if around.served is not None and (without := sorted(set(plan.shares) - around.served)):
        yield f"requests of this stage in each arm ({', '.join(without)} has none)"
    if around.followed is False:
        yield "all workers to serve the published plan"


def _harm(plan: AnalysisPlan, sums: Sums, memory: Memory) -> dict[tuple[str, str], float]:
    """How much of what kills there is: now for counted events, and at the last look for other guardrails."""
    guards = {one.metric for one in plan.guardrails if one.method != "events"}
    found = {key: one.now for key, one in memory.latched.items() if key[0] in guards and one.now is not None}
    return found | {(one.metric, one.variant): one.log_e - one.log_kill for one in harm_only(plan, sums)}

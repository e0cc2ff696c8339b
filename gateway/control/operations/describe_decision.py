"""Describes what a live experiment has shown and decided, from the monitor's last step or from the stored looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Any

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.plan import Experiment
from fairtrial.experiments.analysis.findings import Finding, find
from fairtrial.experiments.analysis.forecast import POWER, Forecast, forecast, units_behind
from fairtrial.experiments.analysis.freeze import declared_fields, with_later_end
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.sums import Sums
from fairtrial.experiments.lifecycle import sentence
from fairtrial.experiments.metric_wording import is_share
from fairtrial.experiments.monitor import WEEK_US, passes_us
from fairtrial.experiments.report import (
    Evidence,
    Situation,
    arms_words,
    decision_words,
    primary_sentence,
    result_sentence,
)
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import analysis_plans, looks, transitions
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.charts import shown_looks
from fairtrial.store.experiments.charts.shown_looks import ShownLook
from gateway.control.operations.slice_findings import find_slices

POINTS = 200
"""The most points of a chart for each treatment."""
NEAR = 0.25
"""The share of the killing evidence above which the next stage waits."""
LITTLE = 0.01


@dataclass(frozen=True, slots=True)
class LatestStep:
    """The monitor's last step for one experiment. ``waits``: what the next stage still needs."""

    stored: StoredPlan
    sums: Sums
    memory: Memory
    waits: tuple[str, ...]


def describe_decision(
    database: Database, experiment: Experiment, latest: LatestStep | None, *, now_us: int, slices: bool = True
) -> dict[str, Any]:
    """The result of one experiment as JSON values; raises `StoreError`.

    ``latest`` is ``None`` before the monitor's first step. The newest look then supplies the figures.
    """
    last = transitions.last(database).get(experiment.name)
    head = {
        "experiment": experiment.name,
        "state": experiment.state,
        "last_us": None if last is None else last.at_us,
        "transitions": database.dicts(transitions.listing(Page(), experiment.name)),
    }
    stored = analysis_plans.newest(database, experiment.name)
    if stored is None or not _is_of(stored.plan, experiment) or experiment.state == "declared":
        words = sentence(experiment.name, experiment.control, experiment.state, last, serves=experiment.serves)
        waiting = " Its analysis has not begun yet." if experiment.state == "running" else ""
        return head | {"sentence": words + waiting, "analysis": None, "plans": [], "slices": None}
    stored = replace(stored, plan=with_later_end(stored.plan, experiment))
    if latest is None or latest.stored.number != stored.number:
        sums, memory, waits = (*_stored_looks(database, stored), None)
    else:
        sums, memory, waits = latest.sums, latest.memory, latest.waits
    began_us = stored.plan.started_us
    history = transitions.stage_history(database, experiment.name, experiment.segment, started_us=began_us)
    now = Situation(
        now_us=now_us, state=experiment.state, last=last, stage=experiment.stage,
        stage_since_us=max(history.since_us or 0, began_us), waits=waits, approved=history.approved,
        serves=experiment.serves,
    )  # fmt: skip
    primary = stored.plan.primary
    series = [] if primary is None else shown_looks.series(database, stored, primary.metric, most=POINTS)
    shown = _evidence(stored.plan, sums, memory, series)
    return head | {
        "sentence": result_sentence(shown, now),
        "analysis": _analysis(shown, now) | {"chart": [_point(one) for one in series]},
        "plans": _plans(database, experiment.name),
        "slices": find_slices(database, stored.plan) if slices else None,
    }


def _is_of(plan: AnalysisPlan, experiment: Experiment) -> bool:
    """Whether the plan is that of the present segment and salt, in whatever state the experiment is."""
    return plan.segment == experiment.segment and plan.declared.get("salt") == declared_fields(experiment)["salt"]


def _stored_looks(database: Database, stored: StoredPlan) -> tuple[Sums, Memory]:
    with database.read_transaction() as cursor:
        memory = looks.memory(cursor, stored.number, stored.plan)
    return shown_looks.newest_sums(database, stored), memory


def _evidence(plan: AnalysisPlan, sums: Sums, memory: Memory, series: Sequence[ShownLook]) -> Evidence:
    """The findings of the present sums; planned looks are only those that were made."""
    looked = memory.looked(plan.primary.metric) if plan.primary else None
    made = series if plan.planned_units is not None else ()
    planned = {one.variant: one.finding.estimate for one in made if isinstance(one.finding.estimate, Estimate)}
    return Evidence(plan=plan, memory=memory, findings=find(plan, sums, looked), sums=sums, planned=planned)


def _analysis(shown: Evidence, now: Situation) -> dict[str, Any]:
    plan, split = shown.plan, shown.memory.split
    primary = plan.primary
    return {
        "control": plan.control,
        "unit": plan.unit,
        "attempt": plan.attempt,
        "alpha": plan.alpha_attempt,
        "revision": plan.revision,
        "min_days": plan.min_days,
        "started_us": plan.started_us,
        "from_us": plan.from_us,
        "ends_us": plan.started_us + plan.max_weeks * WEEK_US,
        "looked_us": shown.memory.looked_us or None,
        "primary": [_primary(shown, primary, one, now) for one in plan.treatments] if primary else [],
        "guardrails": [_guardrail(shown, one, variant) for one in plan.guardrails for variant in plan.treatments],
        "stages": _stages(plan, now),
        "srm": {
            "invalid": split.invalid,
            "crossed_us": split.crossed_us,
            "p": exp(-split.log_e),
            "arms": [
                {"variant": name, "units": shown.sums.arms[name].units, "planned": share}
                for name, share in plan.shares.items()
            ],
        },
    }


def _primary(shown: Evidence, metric: MetricPlan, variant: str, now: Situation) -> dict[str, Any]:
    plan = shown.plan
    finding, latched = shown.of(metric, variant)
    size = forecast(plan, variant, shown.sums)
    counts_us = None if latched.answered_us is None else passes_us(plan, latched.answered_us)
    valid = not shown.memory.split.invalid
    return _levels(shown, metric, variant, finding) | {
        "require": metric.require,
        "boundary": _boundary(metric),
        "running": _interval(shown.interval(metric, variant)),
        "answer": latched.answer if valid else "cannot tell",
        "answered_us": latched.answered_us,
        "counts_us": counts_us,
        "broken": latched.broken,
        "decision": decision_words(plan, latched, now) if valid else "Invalid: the split does not match.",
        "sentence": primary_sentence(shown, variant, now) if valid else "",
        "size": _size(size),
    }


def _guardrail(shown: Evidence, metric: MetricPlan, variant: str) -> dict[str, Any]:
    finding, latched = shown.of(metric, variant)
    room = _room(finding, harmed=latched.answer == "harm")
    return _levels(shown, metric, variant, finding) | {
        "answer": latched.answer,
        "room": room,
        "room_words": room_words(room, known=finding is not None and finding.treatment is not None),
        "signal": metric.signal,
        "margin": metric.margin_on_scale,
    }


def _levels(shown: Evidence, metric: MetricPlan, variant: str, finding: Finding | None) -> dict[str, Any]:
    return {
        "metric": metric.metric,
        "variant": variant,
        "method": metric.method,
        "better": metric.better,
        "share": is_share(metric),
        "control": None if finding is None else finding.control,
        "treatment": None if finding is None else finding.treatment,
        "control_units": _units(shown.sums, shown.plan.control, metric),
        "treatment_units": _units(shown.sums, variant, metric),
        "levels": arms_words(shown, metric, variant, finding),
        "estimate": None if finding is None else _interval(finding.estimate),
        "why": "" if finding is None else finding.why,
    }


def _units(sums: Sums, variant: str, metric: MetricPlan) -> int:
    found = sums.arms[variant].metrics.get(metric.metric)
    return 0 if found is None else units_behind(found)


def _boundary(metric: MetricPlan) -> float | None:
    """The effect beyond which the primary metric is decided: 0, or the margin in the direction that is worse."""
    if metric.require == "superior" or metric.margin_on_scale is None:
        return 0.0 if metric.require == "superior" else None
    return -metric.margin_on_scale if metric.better == "higher" else metric.margin_on_scale


def _interval(found: Estimate | NotEnough) -> dict[str, Any] | None:
    if isinstance(found, NotEnough):
        return None
    return {"value": found.value, "low": found.low, "high": found.high, "level": found.level, "n": found.n}


def _size(found: Forecast | NotEnough) -> dict[str, Any] | None:
    if isinstance(found, NotEnough):
        return None
    return {
        "units": found.units,
        "needed": found.needed,
        "more": found.more,
        "waiting": found.waiting,
        "expected_us": found.expected_us,
        "power": POWER,
    }


def _room(finding: Finding | None, *, harmed: bool) -> float | None:
    """The present evidence of harm as a share of the evidence that stops the experiment; ``None`` if unknown."""
    if harmed:
        return 1.0
    if finding is None or finding.log_e is None or finding.log_kill is None:
        return None
    return exp(min(0.0, finding.log_e - finding.log_kill))


def room_words(room: float | None, *, known: bool) -> str:
    """The evidence of harm for people; ``known``: whether there are data for the guardrail."""
    if room is None:
        return "too few events for any evidence of harm" if known else "no data yet"
    if room >= 1:
        return "harm is proven"
    if room < LITTLE:
        return "hardly any evidence of harm"
    words = f"evidence of harm at {100 * room:.0f} % of what stops the experiment"
    return f"{words}; the next stage waits" if room > NEAR else words


def _stages(plan: AnalysisPlan, now: Situation) -> dict[str, Any]:
    following = next((one for one in plan.stages if one > now.stage), None)
    waits = None if now.waits is None or now.state != "running" else list(now.waits)
    return {
        "stages": list(plan.stages),
        "stage": now.stage,
        "since_us": now.stage_since_us,
        "next": following,
        "waits": waits,
        "approve": list(plan.approve),
        "approved": sorted(now.approved),
    }


def _plans(database: Database, experiment: str) -> list[dict[str, Any]]:
    """The analysis plans of all segments, newest first, without their contents."""
    found = database.dicts(analysis_plans.listing(Page(limit=1000), experiment))
    return [{name: value for name, value in row.items() if name != "plan"} for row in found]


def _point(look: ShownLook) -> dict[str, Any]:
    """One look of the chart, with the interval over all looks until then."""
    return {
        "at_us": look.at_us,
        "variant": look.variant,
        "units": look.units,
        **(_interval(look.finding.estimate) or {}),
        "running_low": look.running["low"],
        "running_high": look.running["high"],
    }

"""Describes what a live experiment has shown and decided, from what control stored at the last look."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import msgspec

from fairtrial.domain.decision.arms import interval_of
from fairtrial.domain.decision.values import Decision, EarlierProof, GuardrailDecision, MetricDecision
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.transition import Transition
from fairtrial.experiments.analysis.memory import LOST
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision import caveat_words, guardrail_words
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline
from fairtrial.experiments.decision.box import Box, Situation, box_without_plan, result_box
from fairtrial.experiments.decision.waits import Wait, wait_words
from fairtrial.experiments.decision.wording import decision_words, lost_words, primary_sentence
from fairtrial.experiments.methods.finding import is_share
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import Sums
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import analysis_plans, stored_looks, transitions
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.attempts import Definition, earlier_proofs
from fairtrial.store.experiments.stored_looks import DecidedLook, ShownLook
from gateway.control.operations.experiments.accept_declines import begins_anew, described_offers, offered_declines
from gateway.control.operations.experiments.slice_findings import find_slices
from gateway.control.operations.verdicts.live_evidence import read_tried, situation, stored_plan

POINTS = 200
"""The most points of a chart for each treatment."""


def describe_decision(
    database: Database,
    experiment: Experiment,
    waits: tuple[Wait, ...] | None,
    *,
    now_us: int,
    slices: bool = True,
    plan: Plan | None = None,
) -> dict[str, Any]:
    """The result of one experiment as JSON values; raises `StoreError`.

    ``waits``: what the next stage still needs, by the monitor's last step; ``None`` if control does not run. ``plan``:
    the one in force, which may name another model than the frozen one.
    """
    last = transitions.last(database).get(experiment.name)
    head = {
        "experiment": experiment.name,
        "state": experiment.state,
        "last_us": None if last is None else last.at_us,
        "transitions": database.dicts(transitions.listing(Page(), experiment.name)),
    }
    now = situation(database, experiment, waits, now_us=now_us)
    head["ending"] = now.ending
    stored = stored_plan(database, experiment)
    if stored is None or experiment.state == "declared":
        box = box_without_plan(experiment.name, experiment.control, now)
        return head | _boxed(box) | {"analysis": None, "accepts": [], "plans": [], "slices": None}
    look = stored_looks.read(database, stored)
    now = _remembering(database, stored, look, now)
    primary = stored.plan.primary
    series = [] if primary is None else stored_looks.metric_series(database, stored, primary.metric, most=POINTS)
    return (
        head
        | _boxed(result_box(stored.plan, look.decisions, now))
        | {
            "analysis": _analysis(look, now) | {"chart": [_point(point) for point in series]},
            "accepts": described_offers(stored.plan, _offers(stored.plan, plan, experiment, look.sums, now.entered)),
            "plans": _plans(database, experiment.name),
            "slices": find_slices(database, stored.plan) if slices else None,
        }
    )


def _offers(
    frozen: AnalysisPlan, plan: Plan | None, experiment: Experiment, sums: Sums, paused: Transition | None
) -> tuple[AcceptedDecline, ...]:
    anew = plan is not None and begins_anew(frozen, plan, experiment, paused)
    return offered_declines(frozen, sums, paused, begins_anew=anew)


def proofs_of(database: Database, plan: AnalysisPlan, variant: str, *, number: int) -> tuple[EarlierProof, ...]:
    """What other attempts have proven of what a variant serves by its frozen plan; raises `StoreError`."""
    candidate = Definition(plan.definitions.get(variant, ""), plan.models[variant])
    return earlier_proofs(database, candidate, current={number})


def _remembering(database: Database, stored: StoredPlan, look: DecidedLook, now: Situation) -> Situation:
    plan = stored.plan
    proofs = {
        proof: None for name in plan.treatments for proof in proofs_of(database, plan, name, number=stored.number)
    }
    tried = read_tried(database, plan, look.sums, plan.treatments[0], now_us=now.now_us)
    return replace(now, earlier=tuple(proofs), tried=tried)


def _boxed(box: Box) -> dict[str, Any]:
    return {"box": asdict(box) | {"lines": [list(line) for line in box.lines]}, "sentence": box.sentence()}


def _analysis(look: DecidedLook, now: Situation) -> dict[str, Any]:
    plan = look.plan
    decided: Mapping[str, Decision] = look.decisions
    first = next(iter(decided.values()))
    return {
        "control": plan.control,
        "unit": plan.unit,
        "segment": plan.segment,
        "attempt": plan.attempt,
        "alpha": plan.alpha_attempt,
        "revision": plan.revision,
        "rules": plan.rules,
        "min_days": plan.min_days,
        "started_us": plan.started_us,
        "from_us": plan.from_us,
        "ends_us": plan.ends_us + now.late_us,
        "looked_us": first.at_us,
        "primary": [_primary(plan, decision, now) for decision in decided.values()] if plan.primary else [],
        "guardrails": [
            _guardrail(plan, metric, decided[name]) for metric in plan.guardrails for name in plan.treatments
        ],
        "kept_away": msgspec.to_builtins(guardrail_words.kept_away_arms(decided)),
        "earlier": [msgspec.to_builtins(proof) | {"stands": proof.stands} for proof in now.earlier],
        "tried": msgspec.to_builtins(now.tried),
        "stages": _stages(plan, now),
        "srm": {
            "invalid": not first.split.balanced,
            "crossed_us": first.split.crossed_us,
            "p": first.split.p,
            "arms": msgspec.to_builtins(first.split.arms),
            **_lost(first),
        },
    }


def _lost(decision: Decision) -> dict[str, Any]:
    """What the arms lost of their records, if anything."""
    lost = decision.split.lost
    words = lost_words(decision.split, decision.unit)
    return {"lost": msgspec.to_builtins(lost) | {"words": words}} if lost else {}


def _primary(plan: AnalysisPlan, decision: Decision, now: Situation) -> dict[str, Any]:
    primary, valid = decision.primary, decision.split.balanced
    assert primary is not None
    metric = plan.metric(primary.metric)
    fault = LOST if decision.split.crossed_us is None else "the split does not match"
    size = None if primary.size is None else msgspec.to_builtins(primary.size) | {"more": primary.size.more}
    sentence = primary_sentence(plan, decision, now_us=now.now_us, running=now.state == "running")
    return _levels(plan, primary, decision) | {
        "require": metric.require,
        "boundary": _boundary(metric),
        "answer": primary.answer if valid else "undecided",
        "meets": primary.meets and valid,
        "counts": primary.counts(now.now_us) and valid,
        "counts_us": primary.counts_us,
        "decision": decision_words(decision, now.now_us) if valid else f"Invalid: {fault}.",
        "sentence": sentence if valid else "",
        "held": primary.held and valid,
        "over_time": msgspec.to_builtins(primary.over_time) if primary.over_time else None,
        "size": size,
    }


def _guardrail(plan: AnalysisPlan, metric: MetricPlan, decision: Decision) -> dict[str, Any]:
    guardrail = next(decided for decided in decision.guardrails if decided.metric == metric.metric)
    return _levels(plan, guardrail, decision) | {
        "answer": guardrail.answer,
        "room": guardrail.room,
        "room_words": guardrail_words.room_words(guardrail, plan.unit, kept=plan.kept_control is not None),
        "signal": metric.signal,
        "margin": metric.margin_on_scale,
        "pause_at": guardrail.pause_at,
        "kill_at": guardrail.kill_at,
        "stops": guardrail_words.stops_words(plan, metric),
        "declined": guardrail.declined,
        "missing": guardrail.missing,
        "weighed": msgspec.to_builtins(guardrail.weighed),
        "weighed_words": guardrail_words.weighed_words(plan, decision.variant, guardrail),
        "vetoed": guardrail.vetoed,
        **({"by_request": msgspec.to_builtins(guardrail.by_request)} if guardrail.by_request else {}),
    }


def _levels(plan: AnalysisPlan, metric_decision: MetricDecision, decision: Decision) -> dict[str, Any]:
    metric = plan.metric(metric_decision.metric)
    known = isinstance(metric_decision, GuardrailDecision)
    return {
        "metric": metric_decision.metric,
        "variant": decision.variant,
        "method": metric.method,
        "better": metric.better,
        "share": is_share(metric),
        "control": metric_decision.control.level,
        "treatment": metric_decision.treatment.level,
        "control_units": metric_decision.control.units,
        "treatment_units": metric_decision.treatment.units,
        "levels": guardrail_words.levels_words(plan, metric_decision),
        "estimate": msgspec.to_builtins(metric_decision.look),
        **({} if known else {"running": msgspec.to_builtins(metric_decision.interval)}),
        "answered_us": metric_decision.answered_us,
        "changed": metric_decision.changed,
        "why": metric_decision.why,
        "missing_feedback": msgspec.to_builtins(metric_decision.missing_feedback)
        if metric_decision.missing_feedback
        else None,
        "missing_words": caveat_words.missing_words(plan, decision.variant, metric_decision),
    }


def _boundary(metric: MetricPlan) -> float | None:
    """The effect beyond which the primary metric is decided: 0, or the margin in the direction that is worse."""
    if metric.require == "superior" or metric.margin_on_scale is None:
        return 0.0 if metric.require == "superior" else None
    return -metric.margin_on_scale if metric.better == "higher" else metric.margin_on_scale


def _stages(plan: AnalysisPlan, now: Situation) -> dict[str, Any]:
    following = next((stage for stage in plan.enrolment.stages if stage > now.stage), None)
    waits = None if now.waits is None or now.state != "running" else list(map(wait_words, now.waits))
    return {
        "stages": list(plan.enrolment.stages),
        "stage": now.stage,
        "since_us": now.stage_since_us,
        "next": following,
        "waits": waits,
        "approve": list(plan.enrolment.approve),
        "approved": sorted(now.approved),
    }


def _plans(database: Database, experiment: str) -> list[dict[str, Any]]:
    """The analysis plans of all segments, newest first, without their contents."""
    plans = database.dicts(analysis_plans.listing(Page(limit=1000), experiment))
    return [{name: value for name, value in row.items() if name != "plan"} for row in plans]


def _point(look: ShownLook) -> dict[str, Any]:
    """One look of the chart, with the interval over all looks until then."""
    interval = interval_of(look.finding.estimate)
    return {
        "at_us": look.at_us,
        "variant": look.variant,
        "units": look.units,
        **({} if interval is None else msgspec.to_builtins(interval)),
        "running_low": look.running["low"],
        "running_high": look.running["high"],
    }

"""Describes what a live experiment has shown and decided, from what control stored at the last look."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from fairtrial.api.experiment_answers import (
    Analysis,
    ChartPoint,
    PlanRow,
    ShownDecision,
    ShownGuardrail,
    ShownPrimary,
    SplitTest,
    StagesOf,
)
from fairtrial.api.experiment_box import Box, Label
from fairtrial.domain.decision.arms import interval_of
from fairtrial.domain.decision.values import Decision, EarlierProof, MetricDecision
from fairtrial.domain.metrics import ASKED_AGAIN_RATE
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.analysis.memory import LOST
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision import caveat_words, guardrail_words
from fairtrial.experiments.decision.box import box_without_plan, result_box
from fairtrial.experiments.decision.situation import Situation
from fairtrial.experiments.decision.waits import Wait, wait_words
from fairtrial.experiments.decision.wording import decision_words, primary_sentence
from fairtrial.experiments.methods.finding import is_share
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import analysis_plans, stored_looks
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.attempts import Definition, earlier_proofs
from fairtrial.store.experiments.stored_looks import DecidedLook
from fairtrial.store.traffic.agreement import read_agreement
from gateway.control.experiments.accept_declines import begins_anew, described_offers, offered_declines
from gateway.control.experiments.slice_findings import describe_slices
from gateway.control.shadows import known_shadow
from gateway.control.sources import with_sources
from gateway.control.verdicts.equality import same_as_control, served_wrongly
from gateway.control.verdicts.live_evidence import read_tried, situation, stored_plan

POINTS = 200
"""The most points of a chart for each treatment."""


def describe_decision(
    database: Database,
    experiment: Experiment,
    waits: tuple[Wait, ...] | None,
    *,
    now_us: int,
    slices: bool = True,
    chart: bool = True,
    plan: Plan | None = None,
) -> ShownDecision:
    """The result of one experiment; raises `StoreError`.

    ``waits``: what the next stage still needs, by the monitor's last step; ``None`` if control does not run. ``plan``:
    the one in force, which may name another model than the frozen one.
    """
    now = situation(database, experiment, waits, now_us=now_us)
    if plan is not None and experiment.name in plan.experiments:
        now = replace(
            now, same=(*same_as_control(database, plan, experiment), *served_wrongly(database, plan, experiment))
        )
    stored = stored_plan(database, experiment)
    shadow = () if plan is None else tuple(_shadow_lines(database, plan, experiment))
    shown = ShownDecision(
        experiment=experiment.name,
        state=experiment.state,
        last_us=None if now.last is None else now.last.at_us,
        ending=now.ending,
        box=_with(shadow, box_without_plan(experiment.name, experiment.control, now)),
    )
    if stored is None or experiment.state == "declared":
        return shown
    look = stored_looks.read(database, stored)
    if plan is not None:
        decisions = with_sources(database, plan, stored.plan, look.decisions, now_us=now_us, late_us=look.late_us)
        look = replace(look, decisions=decisions)
    now = _remembering(database, stored, look, now)
    anew = plan is not None and begins_anew(stored.plan, plan, experiment, now.entered)
    offers = offered_declines(stored.plan, look.sums, now.entered, begins_anew=anew)
    box = _with(shadow, result_box(stored.plan, look.decisions, now))
    return msgspec.structs.replace(
        shown,
        box=msgspec.structs.replace(box, notes=(*_agreement(database, stored.plan), *box.notes)),
        analysis=_analysis(look, now, _chart(database, stored) if chart else ()),
        accepts=described_offers(stored.plan, offers),
        plans=_plans(database, experiment.name),
        slices=describe_slices(database, stored.plan, now_us=now_us) if slices else None,
    )


def _shadow_lines(database: Database, plan: Plan, experiment: Experiment) -> Iterator[tuple[Label, str]]:
    """What the pairs of each treatment show, from their first sentence on."""
    control = f"{experiment.name}/{experiment.control}"
    for name in experiment.treatments if experiment.name in plan.experiments else ():
        decision = known_shadow(database, plan, f"{experiment.name}/{name}", control)
        if decision is not None and (sentence := decision.sentence(name, experiment.control)):
            yield "Shadow", sentence


def _with(lines: tuple[tuple[Label, str], ...], box: Box) -> Box:
    """The box with lines before its next step."""
    others = tuple(line for line in box.lines if line[0] != "Next")
    return msgspec.structs.replace(box, lines=(*others, *lines, *box.lines[len(others) :])) if lines else box


def _agreement(database: Database, plan: AnalysisPlan) -> tuple[str, ...]:
    """How feedback agrees with questions that were asked again, if the plan counts these."""
    if all(metric.metric != ASKED_AGAIN_RATE for metric in plan.metrics):
        return ()
    return tuple(each.sentence for each in read_agreement(database, plan.experiment, from_us=plan.from_us))


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


def _analysis(look: DecidedLook, now: Situation, chart: tuple[ChartPoint, ...]) -> Analysis:
    plan = look.plan
    decided: Mapping[str, Decision] = look.decisions
    first = next(iter(decided.values()))
    return Analysis(
        control=plan.control,
        unit=plan.unit,
        segment=plan.segment,
        attempt=plan.attempt,
        alpha=plan.alpha_attempt,
        revision=plan.revision,
        rules=plan.rules,
        min_days=plan.min_days,
        started_us=plan.started_us,
        from_us=plan.from_us,
        ends_us=plan.ends_us + now.late_us,
        looked_us=first.at_us,
        primary=tuple(_primary(plan, decision, now) for decision in decided.values()) if plan.primary else (),
        guardrails=tuple(
            _guardrail(plan, metric, decided[name], now) for metric in plan.guardrails for name in plan.treatments
        ),
        kept_away=tuple(guardrail_words.kept_away_arms(decided)),
        earlier=now.earlier,
        tried=now.tried,
        stages=_stages(plan, now),
        srm=SplitTest(
            invalid=not first.split.balanced,
            crossed_us=first.split.crossed_us,
            p=first.split.p,
            arms=first.split.arms,
            lost=first.split.lost,
        ),
        chart=chart,
    )


def _primary(plan: AnalysisPlan, decision: Decision, now: Situation) -> ShownPrimary:
    primary, valid = decision.primary, decision.split.balanced
    assert primary is not None
    metric = plan.metric(primary.metric)
    fault = LOST if decision.split.crossed_us is None else "the split does not match"
    sentence = primary_sentence(plan, decision, now_us=now.now_us, running=now.state == "running")
    return ShownPrimary(
        **_shared(plan, primary, decision),
        running=primary.interval,
        require=metric.require,
        boundary=_boundary(metric),
        answer=primary.answer if valid else "undecided",
        meets=primary.meets and valid,
        counts=primary.counts(now.now_us) and valid,
        counts_us=primary.counts_us,
        decision=decision_words(decision, now.now_us) if valid else f"Invalid: {fault}.",
        sentence=sentence if valid else "",
        held=primary.held and valid,
        over_time=primary.over_time or None,
        size=primary.size,
    )


def _guardrail(plan: AnalysisPlan, metric: MetricPlan, decision: Decision, now: Situation) -> ShownGuardrail:
    guardrail = next(decided for decided in decision.guardrails if decided.metric == metric.metric)
    kept = plan.kept_control is not None
    return ShownGuardrail(
        **_shared(plan, guardrail, decision),
        answer=guardrail.answer,
        room=guardrail.room,
        room_words=guardrail_words.room_words(guardrail, plan.unit, kept=kept),
        evidence_words="; ".join(guardrail_words.evidence_parts(guardrail, plan.unit, kept=kept)),
        signal=metric.signal,
        margin=metric.margin_on_scale,
        pause_at=guardrail.pause_at,
        kill_at=guardrail.kill_at,
        stops=guardrail_words.stops_words(plan, metric),
        declined=guardrail.declined,
        missing=guardrail.missing,
        weighed=guardrail.weighed,
        weighed_words=guardrail_words.weighed_words(plan, decision.variant, guardrail),
        vetoed=guardrail.vetoed,
        by_request=guardrail.by_request or msgspec.UNSET,
        accepted=(metric.metric, decision.variant) in {accepted.key for accepted in now.accepted},
    )


def _shared(plan: AnalysisPlan, metric_decision: MetricDecision, decision: Decision) -> dict[str, Any]:
    """The fields of `ShownMetric`."""
    metric = plan.metric(metric_decision.metric)
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
        "estimate": metric_decision.look,
        "answered_us": metric_decision.answered_us,
        "changed": metric_decision.changed,
        "why": metric_decision.why,
        "missing_feedback": metric_decision.missing_feedback or None,
        "missing_words": caveat_words.missing_words(plan, decision.variant, metric_decision),
    }


def _boundary(metric: MetricPlan) -> float | None:
    """The effect beyond which the primary metric is decided: 0, or the margin in the direction that is worse."""
    if metric.require == "superior" or metric.margin_on_scale is None:
        return 0.0 if metric.require == "superior" else None
    return -metric.margin_on_scale if metric.better == "higher" else metric.margin_on_scale


def _stages(plan: AnalysisPlan, now: Situation) -> StagesOf:
    return StagesOf(
        stages=plan.enrolment.stages,
        stage=now.stage,
        since_us=now.stage_since_us,
        next=plan.enrolment.after(now.stage),
        waits=None if now.waits is None or now.state != "running" else tuple(map(wait_words, now.waits)),
        approve=plan.enrolment.approve,
        approved=tuple(sorted(now.approved)),
    )


def _plans(database: Database, experiment: str) -> tuple[PlanRow, ...]:
    """The analysis plans of all segments, newest first."""
    rows = database.dicts(analysis_plans.listing(Page(limit=1000), experiment))
    return tuple(PlanRow(**{name: row[name] for name in PlanRow.__struct_fields__}) for row in rows)


def _chart(database: Database, stored: StoredPlan) -> tuple[ChartPoint, ...]:
    """The looks at the primary metric that had an interval, each with that over all looks until then."""
    primary = stored.plan.primary
    looks = [] if primary is None else stored_looks.metric_series(database, stored, primary.metric, most=POINTS)
    return tuple(
        ChartPoint(
            **msgspec.structs.asdict(interval),
            at_us=look.at_us,
            variant=look.variant,
            units=look.units,
            running_low=look.running["low"],
            running_high=look.running["high"],
        )
        for look in looks
        if (interval := interval_of(look.finding.estimate)) is not None
    )

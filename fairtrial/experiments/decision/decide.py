"""Turns a frozen plan, the sums of its last look and all looks' memory into one decision for each treatment."""

from math import exp, floor, sqrt
from statistics import NormalDist
from typing import Any

import msgspec

from fairtrial.domain.decision import values
from fairtrial.domain.decision.arms import Arm, Interval, interval_of
from fairtrial.domain.decision.by_request import ByRequest
from fairtrial.domain.decision.split import ArmLost, ArmUnits, LostRecords, Split
from fairtrial.domain.estimates import Estimate, Forecast, NotEnough
from fairtrial.domain.promises import LOST_ALARM
from fairtrial.experiments.analysis.findings import METHODS, effect_over_time, find, forecast
from fairtrial.experiments.analysis.latched import Latched
from fairtrial.experiments.analysis.memory import Looked, Memory
from fairtrial.experiments.analysis.planned_looks import is_week_over, not_yet
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.events import harm_only
from fairtrial.experiments.methods.finding import Finding
from fairtrial.experiments.methods.method import passes_us
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import Sums
from fairtrial.stats.arms.feedback import Feedback, least_response
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.group_sequential import LOOKS
from fairtrial.stats.sequential.request_errors import ErrorShares, RequestErrors


def look(plan: AnalysisPlan, memory: Memory, sums: Sums) -> tuple[Finding, ...]:
    """What one more look shows."""
    return find(plan, sums, memory.looked(plan.primary.metric) if plan.primary else None, since_us=memory.looked_us)


def is_look_due(plan: AnalysisPlan, memory: Memory, sums: Sums) -> bool:
    """Whether a look is due by the clock, as a planned one is, by the data, or by proven harm."""
    by_clock = is_week_over(plan, sums.at_us, memory.looked_us) or _lacks_last_look(plan, memory, sums.at_us)
    return by_clock or memory.is_due(sums) or memory.is_new(harm_only(plan, sums))


def _lacks_last_look(plan: AnalysisPlan, memory: Memory, at_us: int) -> bool:
    """Whether the experiment is over, and not all error is spent, as where an amendment brought the end forward."""
    primary = plan.primary
    if primary is None or not plan.looks_weekly or at_us < plan.ends_us:
        return False
    return any(times and not times.last for times in memory.looked(primary.metric).values())


def decide(looked: Looked, *, forecasts: bool = False) -> dict[str, values.Decision]:
    """The decision about each treatment. ``forecasts``: with the units that are still needed, which cost more time."""
    plan, memory = looked.plan, looked.memory
    split = _split(looked)
    return {
        variant: values.Decision(
            experiment=plan.experiment,
            variant=variant,
            control=plan.control,
            unit=plan.unit,
            segment=plan.segment,
            revision=plan.revision,
            attempt=plan.attempt,
            alpha=plan.alpha_attempt,
            rules=plan.rules,
            at_us=memory.looked_us or None,
            primary=None if plan.primary is None else _primary(looked, plan.primary, variant, forecasts=forecasts),
            guardrails=tuple(
                _guardrail(looked, guardrail, variant, forecasts=forecasts) for guardrail in plan.guardrails
            ),
            split=split,
            kept_away=_kept_away(looked, variant),
        )
        for variant in plan.treatments
    }


def luck_of(plan: AnalysisPlan, sums: Sums, variant: str, definitions: int) -> float | None:
    """What the best of so many equal definitions is expected to gain on the primary metric; ``None`` if unknown.

    Source: Blom (1958), the expected largest of k standard normal values, about Φ⁻¹((k − 0.375) / (k + 0.25)).
    """
    metric = plan.primary
    if metric is None or definitions < 2:
        return None
    pair = tuple(sums.arms[name].metrics.get(metric.metric) for name in (plan.control, variant))
    if pair[0] is None or pair[1] is None:
        return None
    effect = METHODS[metric.method].difference(metric, (pair[0], pair[1]))(1.0)
    if not isinstance(effect, Effect) or not effect.variance > 0:
        return None
    return NormalDist().inv_cdf((definitions - 0.375) / (definitions + 0.25)) * sqrt(effect.variance)


def _split(looked: Looked) -> Split:
    latch, sums = looked.memory.split, looked.sums
    arms = tuple(ArmUnits(name, sums.arms[name].units, share) for name, share in looked.plan.shares.items())
    return Split(not latch.invalid, latch.crossed_us, exp(-latch.log_e), arms, _lost(looked))


def _lost(looked: Looked) -> LostRecords | msgspec.UnsetType:
    latch, treatments = looked.memory.split.lost, len(looked.plan.treatments)
    if latch is None:
        return msgspec.UNSET
    p = latch.p(treatments)
    arms = tuple(ArmLost(name, *lost) for name, lost in latch.arms.items())
    return LostRecords(latch.crossed_us, p, p <= LOST_ALARM, arms)


def _kept_away(looked: Looked, variant: str) -> tuple[values.KeptAway, ...]:
    arms = [(name, looked.sums.arms[name]) for name in (variant, looked.plan.control)]
    by_arm = tuple(values.KeptAway(name, arm.kept_away, arm.requests) for name, arm in arms)
    return by_arm if any(arm.kept_away for arm in by_arm) else ()


def _primary(looked: Looked, metric: MetricPlan, variant: str, *, forecasts: bool) -> values.PrimaryDecision:
    plan = looked.plan
    finding, latched = looked.of(metric, variant)
    answer = "undecided" if latched.answer not in ("better", "worse", "not worse") else latched.answer
    counts_us = None if latched.answered_us is None else passes_us(plan, latched.answered_us)
    size = forecast(plan, variant, looked.sums) if forecasts else None
    return values.PrimaryDecision(
        **_common(looked, metric, variant, (finding, latched)),
        answer=answer,
        meets=answer == "better" or (answer == "not worse" and metric.require == "not_worse"),
        counts_us=counts_us,
        planned_look=_planned_look(plan, latched.times),
        next_look="" if plan.planned_units is None else not_yet(plan, latched.looked, looked.sums.at_us),
        size=size if isinstance(size, Forecast) else None,
        over_time=effect_over_time(plan, metric, looked.sums, variant),
    )


def _planned_look(plan: AnalysisPlan, times: tuple[float, ...]) -> int:
    """The number of the last planned look; 0 before the first one."""
    if plan.looks_weekly or not times:
        return len(times)
    return min(LOOKS, floor(LOOKS * times[-1]))


def _guardrail(looked: Looked, metric: MetricPlan, variant: str, *, forecasts: bool) -> values.GuardrailDecision:
    finding, latched = looked.of(metric, variant)
    declined = latched.declined_us is not None
    vetoed = finding is not None and finding.vetoed
    answer = {"harm": "harmed", "safe": "safe"}.get(latched.answer, "declined" if declined else "open")
    if looked.plan.kept_control is not None and (vetoed or (declined and looked.plan.rolls_back_declines)):
        answer = "harmed"  # it rolls the promotion back for good, so what was safe before is not safe
    by_request = _by_request(looked, metric, variant)
    beyond = by_request is not None and by_request.is_beyond(metric.margin, relative=metric.relative)
    if by_request is not None and beyond and answer == "safe":
        answer, by_request = "declined" if declined else "open", msgspec.structs.replace(by_request, holds=True)
    unproven = ("open", "declined")
    counted = _counted_units(looked, metric, variant)
    weighed = None if finding is None or finding.weighed is None else interval_of(finding.weighed)
    return values.GuardrailDecision(
        **_common(looked, metric, variant, (finding, latched)),
        answer=answer,  # type: ignore[arg-type]
        signal=metric.signal,
        margin=metric.margin_on_scale,
        room=_room(finding, harmed=answer == "harmed"),
        log_e=latched.log_e if latched.answer != "harm" or latched.log_harm is None else latched.log_harm,
        log_kill=None if finding is None else finding.log_kill,
        by_events=metric.counts_events,
        declined=declined,
        declined_levels=latched.declined,
        pause_at=metric.pause_on_scale,
        kill_at=metric.stop_on_scale,
        missing=_missing(looked, metric, variant) if forecasts and answer in unproven and not beyond else None,
        weighed=weighed,
        vetoed=vetoed,
        by_request=by_request,
        hours=None if counted is None else counted[0],
        firsts=None if counted is None else counted[1],
    )


def _by_request(looked: Looked, metric: MetricPlan, variant: str) -> ByRequest | None:
    """The sums of all requests of both arms; ``None`` without a complete window, and for plans that need none."""
    every = [shares.every for shares in _shares(looked, metric, variant)]
    known = looked.plan.weighs_every_request and len(every) == 2
    control, treatment = every if known else (None, None)
    if control is None or treatment is None or not (control.sums.n and treatment.sums.n):
        return None
    both = control + treatment
    heaviest = None if both.heaviest is None else both.heaviest / both.sums.y
    counts = [(arm.sums.x, arm.sums.y) for arm in (control, treatment)]
    return ByRequest(control=counts[0], treatment=counts[1], heaviest=heaviest)


def _counted_units(looked: Looked, metric: MetricPlan, variant: str) -> tuple[int, int] | None:
    """The units whose first hour, and whose first request, count for pause and kill; ``None`` unless both do."""
    shares = _shares(looked, metric, variant)
    firsts = [arm.first.n for arm in shares if arm.first is not None]
    return (sum(arm.hour.n for arm in shares), sum(firsts)) if firsts else None


def _shares(looked: Looked, metric: MetricPlan, variant: str) -> list[ErrorShares]:
    """Those of the control and of the treatment, as far as they are known."""
    arms = [looked.sums.arms[name].metrics.get(metric.metric) for name in (looked.plan.control, variant)]
    return [arm.shares for arm in arms if isinstance(arm, RequestErrors) and arm.shares is not None]


def _missing(looked: Looked, metric: MetricPlan, variant: str) -> int | None:
    """The further units in both arms that prove a guardrail safe if the levels stay as they are."""
    pair = tuple(looked.sums.arms[name].metrics.get(metric.metric) for name in (looked.plan.control, variant))
    if pair[0] is None or pair[1] is None:
        return None
    missing = METHODS[metric.method].missing(looked.plan, metric, pair)
    return None if isinstance(missing, NotEnough) else missing


def _common(looked: Looked, metric: MetricPlan, variant: str, latest: tuple[Finding | None, Latched]) -> dict[str, Any]:
    finding, latched = latest
    levels = (None, None) if finding is None else (finding.control, finding.treatment)
    names = (looked.plan.control, variant)
    control, treatment = (
        Arm(name, level, _units(looked.sums, name, metric)) for name, level in zip(names, levels, strict=True)
    )
    return {
        "metric": metric.metric,
        "control": control,
        "treatment": treatment,
        "interval": interval_of(_deciding(looked, metric, variant, latched)),
        "look": None if finding is None else interval_of(finding.estimate) or _planned(latched),
        "answered_us": latched.answered_us,
        "changed": latched.broken,
        "why": "" if finding is None else finding.why,
        **_missing_feedback(looked, metric, variant, latest),
    }


def _planned(latched: Latched) -> Interval | None:
    """The interval of the last planned look, which is shown until the next one."""
    return None if latched.planned is None else interval_of(latched.planned)


def _missing_feedback(
    looked: Looked, metric: MetricPlan, variant: str, latest: tuple[Finding | None, Latched]
) -> dict[str, values.MissingFeedback]:
    """What the units without feedback count as; nothing for plans that do not state it."""
    if not metric.missing:
        return {}
    finding, latched = latest
    shown = latched.worst_case if finding is None or not finding.worst_case else finding.worst_case
    arms = (looked.sums.arms[name].metrics.get(metric.metric) for name in (looked.plan.control, variant))
    control, treatment = (arm.response if isinstance(arm, Feedback) else None for arm in arms)
    margin = metric.margin_on_scale
    return {
        "missing_feedback": values.MissingFeedback(
            counts_as=metric.missing,
            must_agree=metric.missing == "worst_case" or (finding is not None and finding.bounded is True),
            control=control,
            treatment=treatment,
            worst_case=None if shown is None else interval_of(shown),
            least=None if margin is None else least_response(margin, metric.within),
        )
    }


def _deciding(looked: Looked, metric: MetricPlan, variant: str, latched: Latched) -> Estimate | NotEnough:
    """The interval that decides: over all looks, or of the primary metric at the last planned one."""
    if looked.plan.planned_units is None or metric.role == "guardrail":
        return latched.running.interval()
    return (
        latched.planned
        or looked.planned.get(variant)
        or NotEnough("there was no planned look yet", "the first planned look")
    )


def _units(sums: Sums, variant: str, metric: MetricPlan) -> int:
    metric_sums = sums.arms[variant].metrics.get(metric.metric)
    return 0 if metric_sums is None else METHODS[metric.method].behind_level(metric_sums)


def _room(finding: Finding | None, *, harmed: bool) -> float | None:
    if harmed:
        return 1.0
    if finding is None or finding.log_e is None or finding.log_kill is None:
        return None
    return exp(min(0.0, finding.log_e - finding.log_kill))

"""Says after how many units a broken treatment is paused and killed, by the rates of requests that are watched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from fairtrial.domain.plan import Experiment
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis.freeze import metric_plans
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.metric_wording import rounded_up
from fairtrial.stats.planning.question import Design, Question
from fairtrial.stats.planning.rate_courses import kill_course, pause_course

TIMES = 5
"""A broken treatment has so many times the control's bad requests."""
MOST_UNITS, LIKELY = 20_000.0, 0.9
"""How far the courses are followed, and how many of the trials must stop until then for a mean to say something."""
FARTHEST = 60_000.0
"""How far the course of a harm to a promoted variant is followed."""


def stop_notes(experiment: Experiment, questions: Sequence[Question], design: Design) -> Iterator[str]:
    """A line for each level and margin of rates at which any decline pauses."""
    metrics = {one.metric: one for one in metric_plans(experiment)}
    tests = len(metrics_of(experiment)) * (len(experiment.variants) - 1)
    alpha = design.guardrail_alpha / max(1, tests)
    by: dict[str, list[str]] = {}
    for question in questions:
        if question.rate and question.guardrail and metrics[question.metric].pause == 0:
            text = _stops(question, metrics[question.metric], share=design.share, alpha=alpha)
            by.setdefault(text, []).append(question.metric)
    for text, names in by.items():
        if text:
            yield f"{' and '.join(names)}: {text}"


def kept_control_notes(plan: AnalysisPlan) -> Iterator[str]:
    """After how many units a kept control shows harm: a line for each guardrail at which any decline of a rate pauses.

    The harm is five times the control's bad requests, or the margin if the control has none. It begins after as many
    units as its proof takes on average, because earlier units without it dilute the evidence.
    """
    (variant,) = plan.treatments
    split = {"share": plan.share_of(variant), "alpha": plan.alpha_kill, "units": FARTHEST}
    for one in plan.guardrails:
        if not one.counts_requests or one.pause != 0:
            continue
        if one.level is None:
            yield f"{one.metric}: without a baseline in the file, nothing says how soon harm is found"
            continue
        bad, worse = one.level, round(TIMES * one.level, 12) or one.margin
        if not worse < 1:
            continue
        rise = f"{'five times as many' if bad else 'more'} bad requests ({100 * bad:.3g} → {100 * worse:.3g} %)"
        begins = pause_course(control=bad, treatment=worse, **split).mean_stop
        needed = pause_course(control=bad, treatment=worse, begins=begins, **split).needed(LIKELY)
        if needed is None:
            yield f"{one.metric}: {rise} are not found within {FARTHEST:,.0f} {plan.unit}s; a larger share needs fewer"
        else:
            users = counted(rounded_up(ceil(needed - begins)), plan.unit)
            yield f"{one.metric}: {rise} are rolled back within {users} of their start in {100 * LIKELY:.0f} % of cases"


def metrics_of(experiment: Experiment) -> tuple[MetricPlan, ...]:
    """The guardrails among which the error probability of pauses and kills is divided."""
    return tuple(one for one in metric_plans(experiment) if one.role == "guardrail")


def _stops(question: Question, metric: MetricPlan, *, share: float, alpha: float) -> str:
    """The units until the pause and the kill, or nothing where the treatment can't be so bad, or is seldom stopped."""
    bad = question.baseline if question.lower_is_better else 1 - question.baseline
    worse = round(TIMES * bad, 12)
    if not 0 < worse < 1:
        return ""
    pause = pause_course(control=bad, treatment=worse, units=MOST_UNITS, share=share, alpha=alpha)
    if pause.power[-1] < LIKELY:
        return ""
    kill = kill_course(
        margin=metric.stop, relative=metric.stop_relative and metric.stop > 0,
        control=bad, treatment=worse, units=MOST_UNITS, share=share, alpha=alpha,
    )  # fmt: skip
    rise = f"five times as many bad requests ({100 * bad:.3g} → {100 * worse:.3g} %) pause it after about"
    later = f", and kill it after about {kill.mean_stop:,.0f} if the pause is resumed"
    return f"{rise} {pause.mean_stop:,.0f} units" + (later if kill.power[-1] >= LIKELY else "")

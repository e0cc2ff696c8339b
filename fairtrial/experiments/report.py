"""Says in sentences what a live experiment has shown, what it decided, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import exp, floor

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.plan import ExperimentState
from fairtrial.domain.plurals import counted
from fairtrial.experiments.analysis.exact import is_exact
from fairtrial.experiments.analysis.findings import Finding
from fairtrial.experiments.analysis.forecast import Forecast, forecast, units_behind
from fairtrial.experiments.analysis.memory import Latched, Memory
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.planned_looks import not_yet
from fairtrial.experiments.analysis.sums import Sums
from fairtrial.experiments.lifecycle import Transition, sentence
from fairtrial.experiments.metric_wording import (
    bare_size,
    between_words,
    duration_words,
    is_share,
    level_words,
    moment_words,
    rounded_up,
    size_words,
)
from fairtrial.experiments.monitor import HOUR_US, LARGEST, WEEK_US, passes_us
from fairtrial.stats.sequential.obrien_fleming import LOOKS

HOURS, APPROVAL = "hours of this stage", "approval of the"
"""What two of the conditions of a stage contain; the sentence has its own words for them."""
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the looks at one analysis plan have shown. ``findings`` are those of the present sums.

    ``planned``: the interval of the last planned look at the primary metric, by treatment; empty if looks are allowed
    at any time.
    """

    plan: AnalysisPlan
    memory: Memory
    findings: Sequence[Finding]
    sums: Sums
    planned: Mapping[str, Estimate] = field(default_factory=dict)

    def interval(self, metric: MetricPlan, variant: str) -> Estimate | NotEnough:
        """The interval of the primary metric that decides: over all looks, or at the last planned one."""
        if self.plan.planned_units is None:
            return self.of(metric, variant)[1].running.interval()
        return self.planned.get(variant) or NotEnough("there was no planned look yet", "the first planned look")

    def of(self, metric: MetricPlan, variant: str) -> tuple[Finding | None, Latched]:
        """The finding of the present sums, and the decision over all looks."""
        found = next((one for one in self.findings if (one.metric, one.variant) == (metric.metric, variant)), None)
        return found, self.memory.latched.get((metric.metric, variant), Latched())


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The live state of the experiment. Times are microseconds since 1970, UTC.

    ``last``: its newest transition. ``stage``: percent of the units now, since ``stage_since_us``. ``waits``: what the
    next stage still needs, ``None`` if that is unknown. ``serves``: the promoted variant.
    """

    now_us: int
    state: ExperimentState
    last: Transition | None
    stage: float
    stage_since_us: int
    waits: tuple[str, ...] | None = None
    approved: frozenset[float] = frozenset()
    serves: str | None = None


def result_sentence(shown: Evidence, now: Situation) -> str:
    """The result of the experiment: what happened to it, the decision, the guardrails and the next stage."""
    return " ".join([*_state(shown.plan, now), *_body(shown, now), *_notes(shown.plan)])


def _body(shown: Evidence, now: Situation) -> Iterator[str]:
    plan = shown.plan
    if now.state == "killed":
        return
    if shown.memory.split.invalid:
        yield invalid_sentence(shown.memory.split.crossed_us, now)
        return
    for variant in plan.treatments if plan.primary else ():
        yield primary_sentence(shown, variant, now)
    if plan.primary is None:
        yield "There is no primary metric, so nothing is decided except harm."
    yield guardrails_sentence(shown)
    if now.state == "running":
        yield stage_sentence(plan, now)


def _state(plan: AnalysisPlan, now: Situation) -> Iterator[str]:
    if now.state == "killed" and now.last is not None and now.last.evidence and "metric" in now.last.evidence:
        yield stopped_sentence(plan, now.last)
    elif now.state != "running":
        yield sentence(plan.experiment, plan.control, now.state, now.last, serves=now.serves)


def stopped_sentence(plan: AnalysisPlan, last: Transition) -> str:
    """Why a rule stopped the experiment, from the evidence of the transition."""
    found = dict(last.evidence or {})
    at = datetime.fromtimestamp(last.at_us / 1e6, UTC)
    metric = next((one for one in plan.guardrails if one.metric == found["metric"]), None)
    units = counted(int(found.get("units", {}).get(found["variant"], 0)), plan.unit)
    strength = found.get("log_e")
    e_value = "" if strength is None else f"e-value {exp(min(float(strength), LARGEST)):,.0f}, "
    levels = last.why
    if metric is not None:
        treated, control = (level_words(found.get(arm), metric) for arm in ("treatment", "control"))
        levels = f"{treated} of {found['variant']} against {control} of {plan.control}"
    return (
        f"STOPPED at {at:%H:%M:%S} UTC on {at.day} {at:%b %Y} by {found['metric']}: {levels} ({e_value}{units} of "
        f"{found['variant']}). All traffic is on {plan.control}. "
        f"To re-arm: fairtrial experiment rearm {plan.experiment} --why …"
    )


def invalid_sentence(crossed_us: int | None, now: Situation) -> str:
    """The sentence for a sample-ratio mismatch."""
    since = "" if crossed_us is None else f", first seen {moment_words(crossed_us, now_us=now.now_us)}"
    return (
        f"INVALID: the units do not arrive by the planned split{since}. The arms can't be compared; find the cause, "
        "then start anew with a new salt."
    )


def primary_sentence(shown: Evidence, variant: str, now: Situation) -> str:
    """The primary metric of one treatment: its effect, the decision, or what is missing for one."""
    plan, metric = shown.plan, shown.plan.primary
    if metric is None:
        raise ValueError(f"{plan.experiment} has no primary metric")
    finding, latched = shown.of(metric, variant)
    if latched.broken:
        return (
            f"HOLD: the effect of {variant} on {metric.metric} has changed since the start, so it stays undecided. "
            "Start a new segment."
        )
    if latched.answer == "cannot tell":
        return " ".join(_undecided(shown, variant, now))
    return f"{_effect(shown, variant, finding, latched)} {decision_words(plan, latched, now)}"


def decision_words(plan: AnalysisPlan, latched: Latched, now: Situation) -> str:
    """The latched answer of the primary metric, and from when it counts."""
    metric = plan.primary
    if metric is None or latched.answer == "cannot tell" or latched.answered_us is None:
        return "Not decided yet."
    answer = latched.answer
    meets = answer == "better" or (answer == "not worse" and metric.require == "not_worse")
    counts_us = passes_us(plan, latched.answered_us)
    if meets and now.now_us < counts_us:
        return f"{answer.capitalize()} so far; it counts from {moment_words(counts_us, now_us=now.now_us)}."
    return f"Decided: {answer}, as planned." if meets else f"Decided: {answer}."


def _effect(shown: Evidence, variant: str, finding: Finding | None, latched: Latched) -> str:
    plan, metric = shown.plan, shown.plan.primary
    interval = NotEnough("", "") if metric is None else shown.interval(metric, variant)
    if metric is None or isinstance(interval, NotEnough):
        return f"{variant}:"
    way = "higher" if interval.value > 0 else "lower"
    sign = 1 if interval.value > 0 else -1
    low, high = sorted((sign * interval.low, sign * interval.high))
    levels = arms_words(shown, metric, variant, finding)
    unit = " points" if is_share(metric) else ""
    number = floor(LOOKS * latched.times[-1]) if latched.times else 0
    validity = f"at planned look {min(number, LOOKS)} of {LOOKS}" if number else "valid at any time"
    return (
        f"{metric.metric} is {size_words(interval.value, metric)} {way} with {variant} than with {plan.control} "
        f"({bare_size(low, metric)} to {bare_size(high, metric)}{unit}, {validity}; {levels})."
    )


def arms_words(shown: Evidence, metric: MetricPlan, variant: str, finding: Finding | None) -> str:
    """The levels of both arms, each with its number of units."""
    levels = (None, None) if finding is None else (finding.treatment, finding.control)
    arms = zip((variant, shown.plan.control), levels, strict=True)
    return " against ".join(_arm_words(shown, metric, name, value) for name, value in arms)


def _arm_words(shown: Evidence, metric: MetricPlan, name: str, value: float | None) -> str:
    sums = shown.sums.arms[name].metrics.get(metric.metric)
    units = counted(units_behind(sums) if sums is not None else 0, shown.plan.unit)
    level = level_words(value, metric)
    if metric.method == "events":
        return f"{level} of the requests of {units} of {name}"
    return f"{level} of {units} of {name}" if is_share(metric) else f"{level} for {units} of {name}"


def _undecided(shown: Evidence, variant: str, now: Situation) -> Iterator[str]:
    plan, metric = shown.plan, shown.plan.primary
    if metric is None:
        return
    finding, latched = shown.of(metric, variant)
    yield "Not decided yet."
    interval = shown.interval(metric, variant)
    if isinstance(interval, Estimate):
        levels = arms_words(shown, metric, variant, finding)
        yield f"{variant} is {between_words(interval, metric)} on {metric.metric} ({levels})."
        if not interval.low <= 0 <= interval.high:
            missing = metric.method == "feedback" and not is_exact(plan, metric)
            yield ("The units without feedback could change that." if missing else "The rule asks for more.")
    elif finding is not None and finding.why and plan.planned_units is None:
        yield f"{metric.metric} of {variant}: {finding.why}."
    if plan.planned_units is not None:
        words = not_yet(plan, latched.times)
        yield f"{words[0].upper()}{words[1:]}."
        return
    found = forecast(plan, variant, shown.sums)
    if isinstance(found, Forecast) and now.state == "running":
        yield from _needed(plan, metric, found, now)


def _needed(plan: AnalysisPlan, metric: MetricPlan, found: Forecast, now: Situation) -> Iterator[str]:
    aim = size_words(metric.margin_on_scale or 0.0, metric)
    if found.more == 0:
        yield (
            f"It has the {counted(found.needed, plan.unit)} that show a difference of {aim} with a probability of "
            "80 %; a smaller one needs more."
        )
        return
    waiting = min(found.waiting, found.more)
    enrolled = f", of whom {waiting:,} are enrolled and wait for the end of their window" if waiting else ""
    end_us = plan.started_us + plan.max_weeks * WEEK_US
    when = ""
    if found.expected_us is not None:
        when = f"; expected on {moment_words(found.expected_us, now_us=now.now_us)} at the present rate"
        if found.expected_us > end_us:
            when = f"; at the present rate they do not come before it ends on {moment_words(end_us, now_us=now.now_us)}"
    rounded = rounded_up(found.more)
    verb = "is" if rounded == 1 else "are"
    yield f"About {counted(rounded, f'more {plan.unit}')} {verb} needed for {aim}{enrolled}{when}."


def guardrails_sentence(shown: Evidence) -> str:
    """Whether the guardrails hold, and how many are proven safe."""
    plan = shown.plan
    if not plan.guardrails:
        return "There are no guardrails."
    pairs = [(one, variant) for one in plan.guardrails for variant in plan.treatments]
    found = {(one.metric, variant): shown.of(one, variant)[1] for one, variant in pairs}
    harmed = [f"{metric} of {variant}" for (metric, variant), one in found.items() if one.answer == "harm"]
    if harmed:
        return f"Harm is proven for {' and '.join(harmed)}."
    safe = sum(one.answer == "safe" for one in found.values())
    return f"All guardrails hold ({safe} of {len(pairs)} proven safe)."


def stage_sentence(plan: AnalysisPlan, now: Situation) -> str:
    """The stage, and when or under which conditions the next one comes."""
    enrolled = f"Enrolled: {now.stage:g} %."
    following = next((one for one in plan.stages if one > now.stage), None)
    if following is None:
        return enrolled
    approval = following in plan.approve and following not in now.approved
    others = [one for one in now.waits or () if HOURS not in one and not one.startswith(APPROVAL)]
    left_s = (now.stage_since_us + plan.min_hours * HOUR_US - now.now_us) / 1e6
    when = f" in {duration_words(left_s)} at the earliest" if left_s > 0 and others else ""
    if left_s > 0 and not others:
        when = f" in {duration_words(left_s)}"
    after = ", after your approval" if approval else ""
    needs = f". It also needs {'; '.join(others)}" if others else ""
    return f"{enrolled} Next stage: {following:g} %{when}{after}{needs}."


def _notes(plan: AnalysisPlan) -> Iterator[str]:
    """What every report of this plan says."""
    if plan.attempt > 1:
        yield (
            f"This is attempt {plan.attempt} with this candidate, so it has an alpha of "
            f"{100 * plan.alpha_attempt:.3g} % instead of {100 * plan.alpha:.3g} %."
        )
    if plan.revision > 1:
        yield f"The plan was amended {'once' if plan.revision == 2 else f'{plan.revision - 1} times'}."
    if plan.min_days < WEEK_DAYS and plan.primary is not None:
        days = f"{plan.min_days:g} day{'' if plan.min_days == 1 else 's'}"
        yield f"It may decide after {days} (min_days), so it may not have seen every day of the week."

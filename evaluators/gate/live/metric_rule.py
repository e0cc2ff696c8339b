"""Judges a live line on one metric: by the latched answer of the frozen plan, or by its always-valid interval."""

from __future__ import annotations

from dataclasses import replace

from evaluators.comparison.wording import MINUS
from evaluators.criteria.grammar import Threshold, VersusBaseline
from evaluators.criteria.live_validation import PRIMARY
from evaluators.gate.live.experiment import LiveExperiment
from evaluators.gate.live.line import LiveLine, latched_of, levels_text, notes_text, situation
from evaluators.gate.threshold_rule import by_truth_table
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.verdict import Finding, Result
from fairtrial.experiments.analysis.forecast import Forecast, forecast, units_behind
from fairtrial.experiments.analysis.levels import level_interval
from fairtrial.experiments.analysis.memory import Latched
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.metric_wording import bare_size, is_share, level_words, moment_words, size_words
from fairtrial.experiments.monitor import passes_us
from fairtrial.experiments.report import Evidence, primary_sentence


def judge_metric(asked: LiveLine, live: LiveExperiment, shown: Evidence) -> Finding:
    """Judge a comparison, or a limit on the candidate's own level."""
    if shown.memory.split.invalid:
        return _despite_split(asked, live, shown)
    plan, name = shown.plan, asked.line.metric.removeprefix("live.")
    by_primary = asked.line.metric == PRIMARY
    metric = plan.primary if by_primary else next((one for one in plan.metrics if one.metric == name), None)
    if metric is None:
        says = f"the frozen plan of {live.name} does not have {'a primary metric' if by_primary else name}"
        return asked.found("cannot tell", says, f"declare it in experiments.{live.name}, then start or amend it")
    test = asked.line.test
    if isinstance(test, VersusBaseline):
        judge = _primary if metric.role == "primary" else _guardrail
        return _enough(asked, metric, live.variant, shown, judge(asked, live, shown, (metric, test)))
    if isinstance(test, Threshold):
        return _enough(asked, metric, live.variant, shown, _threshold(asked, live, shown, (metric, test)))
    raise TypeError(f"{asked.text!r} can't be judged by {metric.metric}")


Question = tuple[MetricPlan, VersusBaseline]


def _despite_split(asked: LiveLine, live: LiveExperiment, shown: Evidence) -> Finding:
    """Proven harm to safety fails the line although the split is invalid; everything else is invalid."""
    name = asked.line.metric.removeprefix("live.")
    for metric in shown.plan.guardrails:
        if metric.metric == name and metric.signal == "kill" and latched_of(live, metric).answer == "harm":
            return _harm(asked, live, shown, metric)
    return asked.split_is_invalid(live, shown)


def _harm(asked: LiveLine, live: LiveExperiment, shown: Evidence, metric: MetricPlan) -> Finding:
    says = f"live {levels_text(shown, metric, live.variant)}: harm is proven"
    return replace(asked.found("fail", says), safety=metric.signal == "kill")


def _primary(asked: LiveLine, live: LiveExperiment, shown: Evidence, question: Question) -> Finding:
    """The primary metric's latched answer; it counts only after whole weeks, or as early as the plan allows."""
    plan, metric = shown.plan, question[0]
    latched, interval = latched_of(live, metric), shown.interval(metric, live.variant)
    says = primary_sentence(shown, live.variant, situation(live, asked.now_us)).removesuffix(".") + notes_text(plan)
    evidence = interval if isinstance(interval, Estimate) else None
    if latched.broken:
        return asked.found("cannot tell", says, "a new segment", evidence)
    result = _by_answer(latched, plan, question, interval)
    if result == "cannot tell":
        return asked.found(result, says, _more_units(shown, live.variant), evidence)
    counts_us = passes_us(plan, latched.answered_us or live.memory.looked_us)
    if result == "pass" and asked.now_us < counts_us:
        needed = f"time: it counts from {moment_words(counts_us, now_us=asked.now_us)}"
        return asked.found("cannot tell", says, needed, evidence)
    return asked.found(result, says, evidence=evidence)


def _by_answer(latched: Latched, plan: AnalysisPlan, question: Question, interval: Estimate | NotEnough) -> Result:
    """The plan's answer where it implies the line's; otherwise the plan's always-valid interval."""
    metric, test = question
    if test.question == "better":
        if test.margin is None:
            return {"better": "pass", "worse": "fail"}.get(latched.answer, "cannot tell")  # type: ignore[return-value]
        return "fail" if latched.answer == "worse" else _by_interval(plan, question, interval)
    if latched.answer == "better" or (latched.answer == "not worse" and _covers(test, metric)):
        return "pass"
    return _by_interval(plan, question, interval)


def _by_interval(plan: AnalysisPlan, question: Question, interval: Estimate | NotEnough) -> Result:
    """The interval against the line's margin, in the direction in which the metric is better.

    It decides nothing where the plan has more doubts than the interval: feedback may be missing, and arms on one engine
    slow each other. That of a guardrail has the level of the first attempt.
    """
    metric, test = question
    size = _size(metric, test)
    if isinstance(interval, NotEnough) or size is None or metric.method in ("feedback", "given"):
        return "cannot tell"
    if metric.method == "quantile" and plan.shared_engine:
        return "cannot tell"
    if metric.role == "guardrail" and plan.attempt > 1:
        return "cannot tell"
    low, high = (interval.low, interval.high) if metric.better == "higher" else (-interval.high, -interval.low)
    limit = size if test.question == "better" else -size
    return "pass" if low > limit else "fail" if high < limit else "cannot tell"


def _guardrail(asked: LiveLine, live: LiveExperiment, shown: Evidence, question: Question) -> Finding:
    """A guardrail's latched answer; a line with a smaller margin than the plan's is judged by the interval."""
    metric, test = question
    latched, finding = latched_of(live, metric), shown.of(metric, live.variant)[0]
    if latched.answer == "harm":
        return _harm(asked, live, shown, metric)
    says, interval = f"live {levels_text(shown, metric, live.variant)}", latched.running.interval()
    evidence = interval if isinstance(interval, Estimate) else None
    if test.question == "not worse" and latched.answer == "safe" and _covers(test, metric):
        return asked.found("pass", f"{says}: proven safe within its margin{notes_text(shown.plan)}", "", evidence)
    if latched.broken:
        return asked.found("cannot tell", f"{says}: its effect has changed since the start", "a new segment")
    result = _by_interval(shown.plan, question, interval)
    says += _difference(interval, metric)
    if result == "cannot tell":
        why = f" ({finding.why})" if finding is not None and finding.why else ""
        return asked.found(result, f"{says}: undecided{why}", "more units, or a line with the plan's margin", evidence)
    return asked.found(result, says + (": not met" if result == "fail" else ""), "", evidence)


def _threshold(
    asked: LiveLine, live: LiveExperiment, shown: Evidence, question: tuple[MetricPlan, Threshold]
) -> Finding:
    """A limit on the candidate's own level, by the truth table, with an interval that is valid at all looks."""
    metric, test = question
    sums = shown.sums.arms[live.variant].metrics.get(metric.metric)
    level = NotEnough("it has no data yet", "units") if sums is None else level_interval(shown.plan, metric, sums)
    if isinstance(level, NotEnough):
        says = f"live {metric.metric} of {live.variant} can't be judged: {level.reason}"
        return asked.found("cannot tell", says, level.needed)
    limit = test.number / 100 if test.unit == "%" else test.number * 1000 if test.unit == "s" else test.number
    result = by_truth_table(test, level, limit)
    ends = f"{level_words(level.low, metric)} to {level_words(level.high, metric)}, valid at any time"
    word = {">=": "at least", "<=": "at most", "==": "exactly"}[test.operator]
    allowed = f"{word} {level_words(limit, metric)} is {'allowed' if test.operator == '<=' else 'required'}"
    end = {"pass": "", "fail": ": not met"}.get(result, ": undecided")
    says = f"live {metric.metric} is {level_words(level.value, metric)} ({ends}); {allowed}{end}"
    return asked.found(result, says, "more units" if result == "cannot tell" else "", level)


def _enough(asked: LiveLine, metric: MetricPlan, variant: str, shown: Evidence, found: Finding) -> Finding:
    """``with N users``: a pass on fewer than the line requires is undecided. Units that show the metric count."""
    required, unit, counts = asked.line.with_count, asked.line.with_unit, f"{shown.plan.unit}s"
    if required is None or found.result != "pass":
        return found
    if unit not in ("units", counts):
        says = f"{found.says}; the experiment counts {counts}, not {unit}"
        return replace(found, result="cannot tell", says=says, needed=f"a line that ends in 'with {required} {counts}'")
    sums = shown.sums.arms[variant].metrics.get(metric.metric)
    n = 0 if sums is None else units_behind(sums)
    if n >= required:
        return found
    says = f"{found.says}; only {n:,} of the {required:,} {unit} that the line requires"
    return replace(found, result="cannot tell", says=says, needed=f"{required - n:,} more {unit}")


def _covers(test: VersusBaseline, metric: MetricPlan) -> bool:
    """Whether the plan's margin is at most the line's, so that the plan's answer implies the line's."""
    if test.margin is None:
        return False
    if (test.unit == "%") == metric.relative:
        return metric.margin <= test.margin / 100
    size, planned = _size(metric, test), metric.margin_on_scale
    return size is not None and planned is not None and planned <= size


def _size(metric: MetricPlan, test: VersusBaseline) -> float | None:
    """The line's margin on the metric's scale; ``None`` while the level that it refers to is unknown."""
    if test.margin is None:
        return 0.0
    if test.unit == "pp":
        return test.margin / 100
    return None if metric.level is None else test.margin / 100 * abs(metric.level)


def _difference(interval: Estimate | NotEnough, metric: MetricPlan) -> str:
    """The interval of treatment − control for people."""
    if isinstance(interval, NotEnough):
        return f"; {interval.reason}"
    unit = " points" if is_share(metric) else ""
    sign = MINUS if interval.value < 0 else "+"
    size = size_words(interval.value, metric).removesuffix(" points").removesuffix(" point")
    low, high = bare_size(interval.low, metric), bare_size(interval.high, metric)
    return f"; difference {sign}{size} ({low} to {high}{unit}, valid at any time)"


def _more_units(shown: Evidence, variant: str) -> str:
    found = forecast(shown.plan, variant, shown.sums)
    if isinstance(found, Forecast) and found.more:
        return f"about {found.more:,} more units, by the variation so far"
    return "more units, or the end of the experiment"

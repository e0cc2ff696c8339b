"""Judges a live line on one metric: by the frozen plan's latched answer, or by its always-valid interval."""

from dataclasses import dataclass, replace
from functools import partial

from evaluators.comparison.presentation import MINUS
from evaluators.criteria.grammar import GateLine, Threshold, VersusBaseline
from evaluators.criteria.validation import PRIMARY
from evaluators.gate.live_evidence import LiveExperiment
from evaluators.gate.threshold_rule import ENDS, by_truth_table
from fairtrial.domain.decision.arms import Interval
from fairtrial.domain.decision.values import Decision, GuardrailDecision, MetricDecision, PrimaryDecision
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.verdicts.verdict import Finding, Result
from fairtrial.domain.wording import counted, moment_words
from fairtrial.experiments.analysis.findings import level_interval
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.by_request_words import needed_words
from fairtrial.experiments.decision.caveat_words import fading_words, unseen_words
from fairtrial.experiments.decision.guardrail_words import levels_words, waits_words, weighed_words
from fairtrial.experiments.decision.wording import effect_in_short, invalid_words, primary_sentence
from fairtrial.experiments.methods.finding import bare_size, is_share, level_words
from fairtrial.experiments.methods.method import has_kept_away, passes_us
from fairtrial.experiments.metric_plan import MetricPlan

WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Decided:
    """An experiment that has a look, with its plan and its decision."""

    live: LiveExperiment
    plan: AnalysisPlan
    decision: Decision

    def levels(self, decision: MetricDecision) -> str:
        return f"{decision.metric}: {levels_words(self.plan, decision)}"

    def undecided(self, decision: MetricDecision) -> str:
        held = isinstance(decision, GuardrailDecision) and decision.by_request is not None and decision.by_request.holds
        why = weighed_words(self.plan, self.decision.variant, decision) if held else decision.why  # type: ignore[arg-type]
        waits = waits_words(decision, self.plan.unit) if isinstance(decision, GuardrailDecision) else ""
        why = "; ".join(filter(None, (why, waits)))
        return self.levels(decision) + (f" ({why})" if why else "")


@dataclass(frozen=True, slots=True)
class LiveLine:
    """A line, the gate that has it, and the time of judging, in microseconds since 1970, UTC."""

    text: str
    source: str
    line: GateLine
    now_us: int

    def finding(
        self, result: Result, sentence: str, needed: str = "", evidence: Estimate | None = None, *, short: str = ""
    ) -> Finding:
        """The finding of this line; ``short``: what the headline says of its metric."""
        short = f"{self.line.metric} {short}" if short else ""
        return Finding(
            self.text, self.source, result, sentence, needed, self.line.metric, evidence=evidence, short=short
        )

    def split_is_invalid(self, decided: Decided) -> Finding:
        """The finding that the arms can't be compared."""
        words = invalid_words(decided.decision.split, decided.decision.unit, self.now_us)
        return self.finding("invalid", f"{decided.live.name}: INVALID: {words}", "the cause, then a new salt")


def notes_text(plan: AnalysisPlan) -> str:
    """Word what limits the decision: attempts, amendments, and less than a whole week."""
    notes = []
    if plan.attempt > 1:
        notes.append(f"attempt {plan.attempt}, at an alpha of {100 * plan.alpha_attempt:.3g} %")
    if plan.revision > 1:
        times = "once" if plan.revision == 2 else f"{plan.revision - 1} times"
        notes.append(f"the plan was amended {times}")
    if plan.may_miss_fading:
        notes.append(f"it may decide after {plan.min_days:g} days, so {unseen_words(plan)}")
    elif plan.min_days < WEEK_DAYS:
        notes.append(f"it may decide after {plan.min_days:g} days")
    return f" [{'; '.join(notes)}]" if notes else ""


STEADY = "whole weeks in which the effect does not fade"
FAILED = "requests that were kept away count as failed"


def judge_metric(line: LiveLine, decided: Decided) -> Finding:
    """Judge a comparison, or a limit on the candidate's own level."""
    plan, name = decided.plan, line.line.metric.removeprefix("live.")
    if not decided.decision.split.balanced:
        harmed = [decision for decision in decided.decision.harmed if decision.metric == name]
        return _harm(line, decided, harmed[0]) if harmed else line.split_is_invalid(decided)
    by_primary = line.line.metric == PRIMARY
    metric = plan.primary if by_primary else next((metric for metric in plan.metrics if metric.metric == name), None)
    if metric is None:
        sentence = f"the frozen plan of {plan.experiment} does not have {'a primary metric' if by_primary else name}"
        return line.finding(
            "cannot tell", sentence, f"declare it in experiments.{plan.experiment}, then start or amend it"
        )
    test = line.line.test
    metric_decision = _decision_on(decided, metric)
    if isinstance(test, VersusBaseline):
        judge = _primary if isinstance(metric_decision, PrimaryDecision) else _guardrail
        return _enough(line, metric_decision, decided, judge(line, decided, metric_decision, (metric, test)))  # type: ignore[arg-type]
    if isinstance(test, Threshold):
        return _enough(line, metric_decision, decided, _threshold(line, decided, (metric, test)))
    raise TypeError(f"{line.text!r} can't be judged by {metric.metric}")


Question = tuple[MetricPlan, VersusBaseline]


def _decision_on(decided: Decided, metric: MetricPlan) -> PrimaryDecision | GuardrailDecision:
    decisions = (decided.decision.primary, *decided.decision.guardrails)
    return next(decision for decision in decisions if decision is not None and decision.metric == metric.metric)


def _harm(line: LiveLine, decided: Decided, decision: GuardrailDecision) -> Finding:
    safety = decision.signal == "kill" or not decided.decision.split.balanced
    return replace(line.finding("fail", f"live {decided.levels(decision)}: harm is proven"), safety=safety)


def _primary(line: LiveLine, decided: Decided, decision: PrimaryDecision, question: Question) -> Finding:
    """The primary metric's latched answer; it counts only after whole weeks, or as early as the plan allows."""
    plan = decided.plan
    sentence = primary_sentence(plan, decided.decision, now_us=line.now_us, running=decided.live.state == "running")
    sentence = sentence.removesuffix(".") + notes_text(plan)
    evidence = None if decision.interval is None else decision.interval.estimate()
    if decision.changed:
        return line.finding("cannot tell", sentence, "a new segment", evidence)
    finding = partial(line.finding, evidence=evidence, short=effect_in_short(plan, decided.decision))
    result = _by_answer(decision, decided, question)
    if result == "cannot tell":
        return finding(result, sentence, _more_units(decision, plan))
    counts_us = decision.counts_us
    if counts_us is None:
        counts_us = passes_us(plan, decided.live.memory.looked_us) + decided.live.late_us
    if result == "pass" and decided.live.held:
        return finding("cannot tell", sentence, decided.live.held)
    if result == "pass" and line.now_us < counts_us:
        needed = f"time: it counts from {moment_words(counts_us, now_us=line.now_us)}"
        return finding("cannot tell", sentence, needed)
    fading = fading_words(plan, decision) if question[1].question == "better" else ""
    if result == "pass" and fading:
        included = decision.held and decision.answer != "undecided"
        return finding("cannot tell", sentence if included else f"{sentence}; {fading}", STEADY)
    return finding(result, sentence)


def _by_answer(decision: PrimaryDecision, decided: Decided, question: Question) -> Result:
    """The plan's answer where it implies the line's; otherwise the plan's always-valid interval."""
    (metric, test), plan = question, decided.plan
    if decision.answer == "worse" and (
        test.question == "better" or (plan.is_computed and metric.require == "not_worse")
    ):
        return "fail"
    if test.question == "better":
        if test.margin is None:
            return "pass" if decision.answer == "better" else "cannot tell"
        return _by_interval(decided, question, decision.interval)
    if decision.answer == "better" or (decision.answer == "not worse" and _covers(test, metric)):
        return "pass"
    return _by_interval(decided, question, decision.interval)


def _by_interval(decided: Decided, question: Question, interval: Interval | None) -> Result:
    """The interval against the line's margin, in the direction in which the metric is better.

    It decides nothing where the plan has more doubts than the interval: feedback may be missing, and arms on one engine
    slow each other. That of a guardrail has the level of the first attempt.
    """
    (metric, test), plan = question, decided.plan
    size = _size(metric, test)
    doubtful = metric.method in ("feedback", "given") or (metric.method == "quantile" and plan.shared_engine)
    if interval is None or size is None or doubtful or (metric.role == "guardrail" and plan.attempt > 1):
        return "cannot tell"
    limit = size if test.question == "better" else -size
    return _beyond(metric, limit, interval.estimate())


def _beyond(metric: MetricPlan, limit: float, ends: Estimate | NotEnough) -> Result:
    """On which side of the limit the interval lies."""
    if isinstance(ends, NotEnough):
        return "cannot tell"
    low, high = (ends.low, ends.high) if metric.better == "higher" else (-ends.high, -ends.low)
    return "pass" if low > limit else "fail" if high < limit else "cannot tell"


def _guardrail(line: LiveLine, decided: Decided, decision: GuardrailDecision, question: Question) -> Finding:
    """A guardrail's latched answer; a line with a smaller margin than the plan's is judged by the interval."""
    metric, test = question
    if decision.answer == "harmed":
        return _harm(line, decided, decision)
    sentence = f"live {decided.levels(decision)}"
    evidence = None if decision.interval is None else decision.interval.estimate()
    if test.question == "not worse" and decision.answer == "safe" and _covers(test, metric):
        return line.finding(
            "pass", f"{sentence}: proven safe within its margin{notes_text(decided.plan)}", "", evidence
        )
    if decision.changed:
        return line.finding("cannot tell", f"{sentence}: its effect has changed since the start", "a new segment")
    result, by_request = _by_interval(decided, question, decision.interval), decision.by_request
    if result != "fail" and by_request is not None and by_request.is_beyond(metric.margin, relative=metric.relative):
        needed = needed_words(decided.plan.experiment, decided.plan.unit, by_request)
        words = weighed_words(decided.plan, decided.decision.variant, decision)
        return line.finding("cannot tell", f"{sentence}: {words}", needed, evidence)
    sentence += _difference(evidence, metric)
    if result == "cannot tell":
        why = f" ({decision.why})" if decision.why else ""
        return line.finding(
            result, f"{sentence}: undecided{why}", "more units, or a line with the plan's margin", evidence
        )
    return line.finding(result, sentence + (": not met" if result == "fail" else ""), "", evidence)


def _threshold(line: LiveLine, decided: Decided, question: tuple[MetricPlan, Threshold]) -> Finding:
    """A limit on the candidate's own level, by the truth table, with an interval that is valid at all looks."""
    (metric, test), live = question, decided.live
    sums = None if live.sums is None else live.sums.arms[live.variant].metrics.get(metric.metric)
    level = NotEnough("it has no data yet", "units") if sums is None else level_interval(decided.plan, metric, sums)
    if isinstance(level, NotEnough):
        sentence = f"live {metric.metric} of {live.variant} can't be judged: {level.reason}"
        return line.finding("cannot tell", sentence, level.needed)
    limit = test.number / 100 if test.unit == "%" else test.number * 1000 if test.unit == "s" else test.number
    result = by_truth_table(test, level, limit)
    ends = f"{level_words(level.low, metric)} to {level_words(level.high, metric)}, valid at any time"
    word = {">=": "at least", "<=": "at most", "==": "exactly"}[test.operator]
    allowed = f"{word} {level_words(limit, metric)} is {'allowed' if test.operator == '<=' else 'required'}"
    against = f"; {FAILED}" if sums is not None and has_kept_away((sums,)) else ""
    short = f"is {level_words(level.value, metric)}"
    sentence = f"live {metric.metric} {short} ({ends}{against}); {allowed}{ENDS[result]}"
    return line.finding(result, sentence, "more units" if result == "cannot tell" else "", level, short=short)


def _enough(line: LiveLine, decision: MetricDecision, decided: Decided, finding: Finding) -> Finding:
    """``with N users``: a pass on fewer than the line requires is undecided. Units that show the metric count."""
    required, unit, counts = line.line.with_count, line.line.with_unit, f"{decided.plan.unit}s"
    if required is None or finding.result != "pass":
        return finding
    if unit not in ("units", counts):
        sentence = f"{finding.says}; the experiment counts {counts}, not {unit}"
        return replace(
            finding, result="cannot tell", says=sentence, needed=f"a line that ends in 'with {required} {counts}'"
        )
    n = decision.treatment.units
    if n >= required:
        return finding
    sentence = f"{finding.says}; only {n:,} of the {required:,} {unit} that the line requires"
    return replace(finding, result="cannot tell", says=sentence, needed=f"{required - n:,} more {unit}")


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


def _difference(interval: Estimate | None, metric: MetricPlan) -> str:
    """The interval of treatment − control for people."""
    if interval is None:
        return "; there is no interval yet"
    unit = " points" if is_share(metric) else ""
    sign = MINUS if interval.value < 0 else "+"
    size = bare_size(abs(interval.value), metric)
    low, high = bare_size(interval.low, metric), bare_size(interval.high, metric)
    return f"; difference {sign}{size} ({low} to {high}{unit}, valid at any time)"


def _more_units(decision: PrimaryDecision, plan: AnalysisPlan) -> str:
    if decision.size is not None and decision.size.more:
        return f"about {counted(decision.size.more, f'more {plan.unit}')}, by the variation so far"
    return "more units, or the end of the experiment"

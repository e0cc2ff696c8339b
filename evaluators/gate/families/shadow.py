"""Judges lines such as `shadow.on_topic better than base` by the pairs of a shadow of the candidate."""

from math import log1p

from evaluators.criteria.grammar import GateLine, VersusBaseline
from evaluators.gate.external_line import ExternalLine, JudgedFamily
from evaluators.gate.multiplicity import RuleResult
from evaluators.trial import Trial, age_text
from fairtrial.domain.decision.shadow import MEASURES, OWN, ShadowMetric
from fairtrial.domain.verdicts.verdict import Finding, Result

FORMS = (
    "shadow.NAME better than base, shadow.NAME not worse than base by 5pp, or shadow.latency not worse than base by 10%"
)


def _validate(line: GateLine) -> tuple[str, str] | None:
    name, test = line.metric.partition(".")[2], line.test
    measure = MEASURES.get(name, OWN)
    if not name or not isinstance(test, VersusBaseline) or line.scope or line.with_count is not None:
        return "a measure of a shadow is compared with the baseline, as a whole", f"write: {FORMS}"
    if measure.better == "neither":
        return f"{line.metric} is neither better nor worse if it is longer", f"write: {FORMS}"
    if test.question == "better" and test.margin is not None:
        return "'better' of a shadow takes no margin", f"write: {FORMS}"
    if test.margin is not None and (test.unit == "%") != measure.ratio:
        return f"the margin of {line.metric} is in {'%' if measure.ratio else 'pp'}", f"write: {FORMS}"
    return None


def _judge(line: ExternalLine) -> RuleResult:
    return RuleResult(Finding(line.text, line.gate.name, *judge_pairs(line.line, line.trial), line.line.metric))


family = JudgedFamily("pairs of a shadow", _validate, judge=_judge)


def judge_pairs(line: GateLine, trial: Trial) -> tuple[Result, str, str]:
    """A proven decline fails; without pairs, with too few, with old ones or with drops it is undecided."""
    shown, test = trial.shadow, line.test
    again = f"fairtrial shadow start {trial.baseline} {trial.candidate}"
    if shown is None:
        return "cannot tell", f"no shadow compares the present {trial.candidate} with {trial.baseline}", again
    age_us = 0 if trial.now_us is None or shown.newest_us is None else trial.now_us - shown.newest_us
    if trial.max_age_seconds is not None and age_us > trial.max_age_seconds * 1e6:
        return "cannot tell", f"the newest pair is {age_text(age_us)} old", again
    if shown.held:
        return "cannot tell", shown.held, "a shadow whose copies the gateway can carry"
    metric = next((metric for metric in shown.metrics if f"shadow.{metric.name}" == line.metric), None)
    if metric is None:
        return "cannot tell", f"no pair has {line.metric}", "pairs of the shadow, and a scorer of this name"
    assert isinstance(test, VersusBaseline)
    result = _result(metric, test)
    return result, metric.line, (metric.needed or "more pairs") if result == "cannot tell" else ""


def _result(metric: ShadowMetric, test: VersusBaseline) -> Result:
    if metric.low is None or metric.high is None:
        return "cannot tell"
    measure = MEASURES.get(metric.name, OWN)
    low, high = (metric.low, metric.high) if measure.better == "higher" else (-metric.high, -metric.low)
    share = (test.margin or 0.0) / 100
    allowed = log1p(share) if measure.ratio else share
    return "pass" if low > -allowed else "fail" if high < -allowed else "cannot tell"

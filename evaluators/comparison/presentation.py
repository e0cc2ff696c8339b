"""Presents findings: words with no more digits than the numbers carry, and chart data in the unit that people read."""

from collections.abc import Iterable
from typing import Literal, Protocol

from evaluators.criteria.grammar import GateLineError, Threshold, VersusBaseline, parse
from evaluators.criteria.metric_catalogue import BUILT_IN, LESS_IS_BETTER, Form, Measure
from fairtrial.api.verdict_answers import Figure, FigureUnit
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.verdicts.verdict import Finding
from fairtrial.domain.wording import counted

MINUS = "−"
NO_SIGNAL = "no signal: a probe that is 0 on both sides shows nothing"
"""The rule that answers a comparison of a probe without a signal."""
SUBJECTS = {
    "errors": "the error rate",
    "off_format": "the off-format rate",
    "refusals": "the refusal rate",
    "over_refusals": "the over-refusal rate",
    "format_valid": "the share of answers in a valid format",
    "language_switch": "the language switch rate",
    "verbosity": "the mean number of characters",
    "truncated": "the truncation rate",
    "latency.p50": "the median latency",
    "latency.p95": "the 95th-percentile latency",
    "tokens": "the mean number of tokens",
    "cost": "the total cost",
}
"""Built-in metrics whose names do not fit into a sentence."""

SUMS = ("lost", "gained")
"""Counts, which are exact and have no interval to draw."""


class Unit(Protocol):
    """The form in which values are printed: that of a measure, or of a row of a matrix."""

    @property
    def form(self) -> Form: ...
    @property
    def scale(self) -> float: ...


def amount(value: float, measure: Unit) -> str:
    """A level in its unit: ``30.8 %``, ``1.9 s``, ``$0.42``, ``41.3``."""
    if measure.form == "share":
        return f"{format_number(100 * value / measure.scale)} %"
    if measure.form == "ms":
        return f"{value / 1000:.2f} s" if abs(value) >= 1000 else f"{value:.0f} ms"
    if measure.form == "usd":
        return f"${value:.4f}".rstrip("0").rstrip(".") if value else "$0"
    return format_number(value)


def gap(value: float, measure: Unit) -> str:
    """The size of a difference, without its sign: ``18.3 points``, ``210 ms``."""
    return bare_gap(value, measure) + (" points" if measure.form == "share" else "")


def bare_gap(value: float, measure: Unit) -> str:
    """The same without the word: ``18.3`` for points, or with its unit, such as ``210 ms``."""
    return f"{abs(100 * value / measure.scale):.1f}" if measure.form == "share" else amount(abs(value), measure)


def format_signed(value: float, measure: Unit) -> str:
    """A difference with its sign: ``−25.0`` for points, or with its unit, such as ``+210 ms``."""
    return (MINUS if value < 0 else "+") + bare_gap(value, measure)


def format_number(value: float) -> str:
    return f"{value:.1f}".replace("-", MINUS) if abs(value) < 1000 else f"{value:,.0f}".replace("-", MINUS)


def subject(metric: str, scope: str) -> str:
    """The subject of a sentence about a metric: ``the error rate in language:en``."""
    name = SUBJECTS.get(metric, metric)
    return f"{name} in {scope}" if scope else name


def both_figures(comparison: Comparison, measure: Unit) -> str:
    """``37 → 15 of 120`` for 0/1 scores, ``41.2 % → 38.0 % over 120 cases`` for others: baseline, then candidate."""
    cases = counted(comparison.n, "case")
    if comparison.candidate is None or comparison.baseline is None:
        return cases
    if comparison.won is not None:
        right = [round(side * comparison.n) for side in (comparison.baseline, comparison.candidate)]
        return f"{right[0]} → {right[1]} of {comparison.n}"
    old, new = amount(comparison.baseline, measure), amount(comparison.candidate, measure)
    return f"{old} → {new} over {cases}"


def difference_in_words(comparison: Comparison, measure: Unit) -> str:
    """``is 18.3 points lower than``; the caller adds the baseline's name."""
    difference = comparison.difference
    if isinstance(difference, NotEnough):
        return "can't be compared"
    if gap(difference.value, measure) == gap(0.0, measure):
        return "is equal to"
    return f"is {gap(difference.value, measure)} {'lower' if difference.value < 0 else 'higher'} than"


def bounds_in_words(estimate: Estimate, measure: Measure, alpha: float) -> str:
    """``one-sided 95 % bounds −6.1 and +1.0``; each is wrong with probability ``alpha``."""
    low, high = format_signed(estimate.low, measure), format_signed(estimate.high, measure)
    return f"one-sided {100 * (1 - alpha):.4g} % bounds {low} and {high}"


def limit_in_words(test: Threshold, limit: float, measure: Measure) -> str:
    """``at least 85.0 % is required``."""
    word = {">=": "at least", "<=": "at most", "==": "exactly"}[test.operator]
    return f"{word} {amount(limit, measure)} is {'allowed' if test.operator == '<=' else 'required'}"


def short_text(finding: Finding) -> str:
    """A finding in the headline: its metric and the number that decided."""
    evidence, name = finding.evidence, subject(finding.metric, finding.scope)
    if finding.short and isinstance(evidence, Comparison | Estimate):
        return f"{finding.short} (rule: {_limit(finding.rule)}), n={evidence.n}"
    if isinstance(evidence, Comparison) and isinstance(evidence.difference, Estimate) and evidence.rule != NO_SIGNAL:
        if finding.metric in ("lost", "gained"):
            count = round(evidence.difference.value)
            which = "critical case" if "critical" in finding.scope else "case"
            return f"{counted(count, which)} {finding.metric}"
        return f"{name} {_short_gap(evidence)} (rule: {_limit(finding.rule)}), n={evidence.n}"
    return finding.short or finding.says.split(" (")[0].split("; ")[0]


def _short_gap(comparison: Comparison) -> str:
    if comparison.won is not None and comparison.baseline is not None and comparison.candidate is not None:
        return f"{round(comparison.baseline * comparison.n)} → {round(comparison.candidate * comparison.n)}"
    return f"{_plain(comparison.baseline)} → {_plain(comparison.candidate)}"


def _plain(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _limit(rule: str) -> str:
    return " ".join(rule.split(" in ")[0].split()[1:])


def comparison_row(comparison: Comparison, measure: Measure) -> tuple[str, ...]:
    """A row of a table: metric, scope, answer, n, baseline, candidate, difference, interval, p, rule."""
    levels = [
        "unknown" if level is None else amount(level, measure) for level in (comparison.baseline, comparison.candidate)
    ]
    difference, interval = "not enough", ""
    if isinstance(comparison.difference, Estimate):
        estimate = comparison.difference
        difference = format_signed(estimate.value, measure)
        interval = f"{format_signed(estimate.low, measure)} to {format_signed(estimate.high, measure)}"
    numbers = str(comparison.n), *levels, difference, interval, p_in_words(comparison.p)
    return comparison.metric, comparison.scope, answer_in_words(comparison), *numbers, rule_in_short(comparison.rule)


def answer_in_words(comparison: Comparison) -> str:
    """The answer; a hint if only the p-value prevents one."""
    difference = comparison.difference
    excludes = isinstance(difference, Estimate) and not difference.low <= 0 <= difference.high
    disagree = comparison.answer == "cannot tell" and excludes and comparison.p is not None
    return "cannot tell: p is too high" if disagree else comparison.answer


def rule_in_short(rule: str) -> str:
    """The column beside an answer: "interval and p", "interval", "no signal", or nothing without an estimate."""
    if rule == NO_SIGNAL:
        return "no signal"
    return "" if not rule else "interval and p" if " and " in rule else "interval"


def rules_in_words(comparisons: Iterable[Comparison]) -> list[str]:
    """A sentence for each rule that these comparisons use; the table has the short form."""
    rules = dict.fromkeys(comparison.rule for comparison in comparisons if comparison.rule)
    return [_rule_in_words(rule) for rule in rules]


def _rule_in_words(rule: str) -> str:
    if rule == NO_SIGNAL:
        return f"{rule}."
    return f"{rule_in_short(rule)}: better or worse if the {rule}; otherwise cannot tell."


def p_in_words(p: float | None) -> str:
    """``0.041``, ``< 0.001``, or nothing if no test was made."""
    return "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def figures(findings: tuple[Finding, ...]) -> list[Figure]:
    """The figure of each finding that has an interval."""
    return [figure for place, finding in enumerate(findings) if (figure := _figure(place, finding)) is not None]


def _figure(place: int, finding: Finding) -> Figure | None:
    evidence = finding.evidence
    try:
        test = parse(finding.rule).test
    except GateLineError:
        return None
    if isinstance(evidence, Estimate) and isinstance(test, Threshold) and finding.metric not in SUMS:
        return _level(place, finding, evidence, test)
    if (
        isinstance(evidence, Comparison)
        and isinstance(evidence.difference, Estimate)
        and isinstance(test, VersusBaseline)
    ):
        return _difference(place, finding, evidence, test)
    return None


def _level(place: int, finding: Finding, estimate: Estimate, test: Threshold) -> Figure:
    unit: FigureUnit = "%" if test.unit == "%" else _unit(finding.metric)
    factor = (100.0 if abs(estimate.high) <= 1 else 1.0) if unit == "%" else 1.0
    limit = test.number * (1000 if test.unit == "s" else 1)
    if unit == "%" and test.unit == "":
        limit *= factor
    better: Literal["higher", "lower"] = "lower" if test.operator == "<=" else "higher"
    return Figure(place, "level", *_bounds(estimate, factor), estimate.level, estimate.n, limit, unit, better)


def _difference(place: int, finding: Finding, compared: Comparison, test: VersusBaseline) -> Figure:
    estimate = compared.difference
    assert isinstance(estimate, Estimate)
    sign = _sign(finding.metric)
    largest = max(abs(compared.candidate or 0.0), abs(compared.baseline or 0.0))
    unit = _unit(finding.metric)
    if unit == "%" or test.unit == "pp":
        unit = "points"
    factor = 100.0 if unit == "points" and largest <= 1 else 1.0
    limit = _chart_limit(test, compared.baseline, factor)
    limit = None if limit is None else limit * sign
    better: Literal["higher", "lower"] = "higher" if sign > 0 else "lower"
    return Figure(place, "difference", *_bounds(estimate, factor), estimate.level, estimate.n, limit, unit, better)


def _sign(metric: str) -> int:
    """+1 if more is better, −1 if less is; the stat of a scorer is known by its name."""
    built_in = BUILT_IN.get(metric)
    return built_in.sign if built_in is not None else -1 if metric.rpartition(".")[2] in LESS_IS_BETTER else 1


def _chart_limit(test: VersusBaseline, baseline: float | None, factor: float) -> float | None:
    """The limit for a metric where more is better; a relative margin is a share of the baseline's figure."""
    if test.margin is None:
        return 0.0
    direction = 1 if test.question == "better" else -1
    if test.unit == "pp":
        return direction * test.margin
    return None if baseline is None else direction * test.margin / 100 * abs(baseline) * factor


def _unit(metric: str) -> FigureUnit:
    built_in = BUILT_IN.get(metric)
    if built_in is None:
        return "%"
    units: dict[str, FigureUnit] = {"share": "%", "ms": "ms", "usd": "$"}
    return units.get(built_in.form, "")


def _bounds(estimate: Estimate, factor: float) -> tuple[float, float, float]:
    return estimate.value * factor, estimate.low * factor, estimate.high * factor

"""How a finding reads: numbers in a release manager's words, never more digits than they carry."""

from __future__ import annotations

from evaluators.criteria.grammar import Level
from evaluators.criteria.metric_catalogue import Measure
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.verdict import Finding

MINUS = "−"


def amount(value: float, measure: Measure) -> str:
    """A level: ``30.8 %``, ``1.9 s``, ``$0.42``, ``41.3``."""
    if measure.form == "share":
        return f"{signless(100 * value / measure.scale)} %"
    if measure.form == "ms":
        return f"{value / 1000:.2f} s" if abs(value) >= 1000 else f"{value:.0f} ms"
    if measure.form == "usd":
        return f"${value:.4f}".rstrip("0").rstrip(".") if value else "$0"
    return signless(value)


def gap(value: float, measure: Measure) -> str:
    """The size of a difference, without its sign: ``18.3 points``, ``210 ms``."""
    if measure.form == "share":
        return f"{abs(100 * value / measure.scale):.1f} points"
    return amount(abs(value), measure)


def signed(value: float, measure: Measure) -> str:
    """A difference with its sign: ``−25.0`` points, or with its unit where there is one."""
    sign = MINUS if value < 0 else "+"
    return sign + gap(value, measure).removesuffix(" points")


def signless(value: float) -> str:
    return f"{value:.1f}".replace("-", MINUS) if abs(value) < 1000 else f"{value:,.0f}".replace("-", MINUS)


def where(metric: str, scope: str) -> str:
    return f"{metric} in {scope}" if scope else metric


def both(comparison: Comparison, measure: Measure) -> str:
    """``37 → 15 of 120`` for 0/1 scores, ``41.2 % → 38.0 % over 120 cases`` for others: baseline, then candidate."""
    if comparison.candidate is None or comparison.baseline is None:
        return f"{comparison.n} cases"
    if comparison.won is not None:
        right = [round(side * comparison.n) for side in (comparison.baseline, comparison.candidate)]
        return f"{right[0]} → {right[1]} of {comparison.n}"
    old, new = amount(comparison.baseline, measure), amount(comparison.candidate, measure)
    return f"{old} → {new} over {comparison.n} cases"


def difference_in_words(comparison: Comparison, measure: Measure) -> str:
    """``is 18.3 points lower than base``, without the baseline's name; the caller adds it."""
    found = comparison.difference
    if isinstance(found, NotEnough):
        return "can't be compared"
    if gap(found.value, measure) == gap(0.0, measure):
        return "is equal to"
    return f"is {gap(found.value, measure)} {'lower' if found.value < 0 else 'higher'} than"


def bounds_in_words(found: Estimate, measure: Measure) -> str:
    return f"one-sided 95 % bounds {signed(found.low, measure)} and {signed(found.high, measure)}"


def limit_in_words(test: Level, limit: float, measure: Measure) -> str:
    """``at least 85.0 % is required``."""
    word = {">=": "at least", "<=": "at most", "==": "exactly"}[test.operator]
    return f"{word} {amount(limit, measure)} is {'allowed' if test.operator == '<=' else 'required'}"


def short(finding: Finding) -> str:
    """A finding in the headline: the rule's metric and its number."""
    found, name = finding.evidence, where(finding.metric, finding.scope)
    if finding.metric.startswith("review.") and isinstance(found, Comparison | Estimate) and " is " in finding.says:
        return f"{name} is {_short_level(finding)} (rule: {_limit(finding.rule)}), n={found.n}"
    if isinstance(found, Comparison) and isinstance(found.difference, Estimate):
        if finding.metric in ("lost", "gained"):
            count = round(found.difference.value)
            which = "critical case" if "critical" in finding.scope else "case"
            return f"{count} {which}{'' if count == 1 else 's'} {finding.metric}"
        return f"{name} {_short_gap(found)} (rule: {_limit(finding.rule)}), n={found.n}"
    if isinstance(found, Estimate) and " is " in finding.says:
        return f"{name} is {_short_level(finding)} (rule: {_limit(finding.rule)}), n={found.n}"
    return finding.says.split(" (")[0].split("; ")[0].split(": cannot tell")[0]


def _short_gap(found: Comparison) -> str:
    if found.won is not None and found.baseline is not None and found.candidate is not None:
        return f"{round(found.baseline * found.n)} → {round(found.candidate * found.n)}"
    return f"{_plain(found.baseline)} → {_plain(found.candidate)}"


def _plain(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _short_level(finding: Finding) -> str:
    """The level as the sentence gives it: the words between "is" and the bracket."""
    return finding.says.partition(" is ")[2].partition(" (")[0]


def _limit(rule: str) -> str:
    words = rule.split(" in ")[0].split()
    return " ".join(words[1:])


def comparison_row(found: Comparison, measure: Measure) -> tuple[str, ...]:
    """Metric, scope, n, baseline, candidate, difference, interval, p, answer: a row of a table."""
    levels = ["unknown" if one is None else amount(one, measure) for one in (found.baseline, found.candidate)]
    difference, interval = "not enough", ""
    if isinstance(found.difference, Estimate):
        one = found.difference
        difference = signed(one.value, measure)
        interval = f"{signed(one.low, measure)} to {signed(one.high, measure)}"
    return found.metric, found.scope, str(found.n), *levels, difference, interval, p_in_words(found.p), found.answer


def p_in_words(p: float | None) -> str:
    """``0.041``, ``< 0.001``, or nothing where no test was made."""
    return "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"

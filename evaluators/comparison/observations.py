"""Lists observations that decide nothing: changes of refusals, format, language and length, and the worst slice."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from evaluators.comparison.compare import compare, figures
from evaluators.comparison.pairing import Pairs, Side, detectors_differ, pair, slices_of
from evaluators.comparison.presentation import SUBJECTS, amount, both_figures, format_signed, p_in_words
from evaluators.criteria.metric_catalogue import BUILT_IN, Measure, of_stat
from evaluators.results.run_table import RunTable, Scope
from evaluators.suite import Suite
from fairtrial.api.comparison_answers import SignalChange
from fairtrial.domain.answers.signals import METRICS, NOTABLE_LENGTH, NOTABLE_LEVEL, SIGNALS
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.promises import MIN_SLICE_CASES
from fairtrial.domain.verdicts.verdict import Finding
from fairtrial.domain.wording import counted
from fairtrial.stats.paired.clustered import ratio_of_means

LENGTH = "verbosity"


def signal_changes(candidate: RunTable, baseline: RunTable) -> list[SignalChange]:
    """Every signal that both runs measured, notable ones first; none if a run lacks signals of this version.

    A change is notable by the rule in `fairtrial.domain.answers.signals`. It decides nothing.
    """
    if SIGNALS not in candidate.states or detectors_differ(candidate, baseline):
        return []
    changes = [change for name in METRICS for change in _change(name, candidate, baseline)]
    return sorted(changes, key=lambda signal_change: not signal_change.notable)


def signal_findings(
    suite: str, candidate: RunTable, baseline: RunTable, required: frozenset[str] = frozenset()
) -> list[Finding]:
    """The changes as findings that decide nothing; ``required``: metrics that a line of the suite judges anyway."""
    return [
        Finding(
            rule=f"{change.comparison.metric} against {baseline.target}",
            source=suite,
            result="cannot tell",
            says=f"{suite}: {change.says}",
            metric=change.comparison.metric,
            evidence=change.comparison,
            decisive=False,
            short=change.short,
            notable=change.notable,
        )
        for change in signal_changes(candidate, baseline)
        if change.comparison.metric not in required
    ]


def _change(name: str, candidate: RunTable, baseline: RunTable) -> Iterator[SignalChange]:
    measure = BUILT_IN[name]
    pairs = pair(measure, candidate, baseline)
    if not pairs.n:
        return
    if name == LENGTH:
        yield _length(candidate, baseline)
        return
    comparison = compare(measure, pairs, level=NOTABLE_LEVEL, seed=candidate.seed)
    notable = comparison.answer != "cannot tell"
    short = f"{SUBJECTS[name]} {both_figures(comparison, measure)}"
    says = f"{short}{_interval(comparison, measure)}{_lost(comparison, name)}"
    yield SignalChange(notable=notable, says=says, short=short, comparison=comparison)


def _interval(comparison: Comparison, measure: Measure) -> str:
    difference = comparison.difference
    if not isinstance(difference, Estimate):
        return f" (no interval: {difference.reason})"
    bounds = f"{format_signed(difference.low, measure)} to {format_signed(difference.high, measure)}"
    p = "" if comparison.p is None else f", p {p_in_words(comparison.p)}"
    return f" ({format_signed(difference.value, measure)} points, {100 * difference.level:.4g} % interval {bounds}{p})"


def _lost(comparison: Comparison, name: str) -> str:
    """Count the cases that only the candidate refuses, the paired form of an over-refusal."""
    if name != "refusals" or not comparison.lost:
        return ""
    return f"; the candidate refuses {counted(comparison.lost, 'case')} that the baseline answers"


def _length(candidate: RunTable, baseline: RunTable) -> SignalChange:
    """The ratio of the mean lengths, in tokens where both runs know all of them, otherwise in characters."""
    measure = BUILT_IN["tokens" if _has_tokens(candidate) and _has_tokens(baseline) else LENGTH]
    pairs = pair(measure, candidate, baseline)
    comparison = replace(compare(measure, pairs, level=NOTABLE_LEVEL, seed=candidate.seed), metric=LENGTH)
    values = pairs.candidate.values, pairs.baseline.values
    ratio = ratio_of_means(*values, pairs.candidate.clusters, level=NOTABLE_LEVEL)
    unit = "tokens" if measure.name == "tokens" else "characters"
    old, new = (amount(value or 0.0, measure) for value in (comparison.baseline, comparison.candidate))
    sentence = f"the mean length {old} → {new} {unit} over {counted(pairs.n, 'case')}"
    if not isinstance(ratio, Estimate):
        says = f"{sentence} (no ratio: {ratio.reason})"
        return SignalChange(notable=False, says=says, short=sentence, comparison=comparison)
    bounds = f"{100 * ratio.level:.4g} % interval {ratio.low:.2f} to {ratio.high:.2f}"
    shown = comparison.answer != "cannot tell" and not ratio.low <= 1 <= ratio.high
    notable = shown and abs(ratio.value - 1) >= NOTABLE_LENGTH
    says = f"{sentence} ({ratio.value:.2f} times, {bounds})"
    return SignalChange(notable=notable, says=says, short=sentence, comparison=comparison)


def _has_tokens(run: RunTable) -> bool:
    """Whether the number of tokens of every answer is known."""
    return bool(np.all(~np.isnan(run.tokens_out) | run.failed))


RULE = "worst slice"


@dataclass(frozen=True, slots=True)
class _Slice:
    """One slice on one measure. ``level`` and ``change`` are shares of the scale, and more is better."""

    measure: Measure
    scope: Scope
    pairs: Pairs
    level: float
    change: float


def worst_slice(suite: Suite, candidate: RunTable, baseline: RunTable) -> Finding | None:
    """The slice with the candidate's lowest level on a scorer's main stat, and that with the largest loss.

    ``None`` if no slice of the suite has enough cases that are scored on both sides.
    """
    slices = list(_slices(suite, candidate, baseline))
    if not slices:
        return None
    worst = min(slices, key=lambda measured: (measured.level, measured.change))
    lost = min(slices, key=lambda each_slice: (each_slice.change, each_slice.level))
    targets = candidate.target, baseline.target
    sentence = f"{suite.name}: the worst slice is {_in_words(worst, *targets)}"
    if lost.change < 0 and lost is not worst:
        sentence += f"; the largest loss is in {_in_words(lost, *targets)}"
    evidence = figures(worst.measure, worst.pairs, str(worst.scope))
    return Finding(
        RULE, suite.name, "cannot tell", sentence, "", worst.measure.name, str(worst.scope), evidence, decisive=False
    )


def _slices(suite: Suite, candidate: RunTable, baseline: RunTable) -> Iterator[_Slice]:
    scopes = slices_of(candidate, suite.slices)
    measures = (of_stat(scorer.name, scorer.stats[0]) for scorer in suite.scorers)
    for measure in (measure for measure in measures if measure.kind in ("proportion", "mean")):
        whole = pair(measure, candidate, baseline).n
        for scope in scopes:
            pairs = pair(measure, candidate, baseline, scope)
            if MIN_SLICE_CASES <= pairs.n < whole:
                level = float(np.mean(pairs.candidate.values)) * measure.sign / measure.scale
                yield _Slice(
                    measure, scope, pairs, level, float(np.mean(pairs.differences)) * measure.sign / measure.scale
                )


def _in_words(measured: _Slice, candidate: str, baseline: str) -> str:
    """``difficulty:hard, where label.accuracy is 0 of 12 for tuned and 2 of 12 for base``."""
    new, old = (
        _figure(measured.measure, side, exact=measured.pairs.binary)
        for side in (measured.pairs.candidate, measured.pairs.baseline)
    )
    cases = "" if measured.pairs.binary else f" over {counted(measured.pairs.n, 'case')}"
    return f"{measured.scope}, where {measured.measure.name} is {new} for {candidate} and {old} for {baseline}{cases}"


def _figure(measure: Measure, side: Side, *, exact: bool) -> str:
    return f"{round(side.values.sum())} of {side.n}" if exact else amount(float(np.mean(side.values)), measure)

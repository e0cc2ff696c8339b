"""Compares candidate and baseline on one measure, over the same cases, by the method that fits its kind."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from evaluators.comparison.levels import CaseFigure, OfCases, figure_of, reach_of, share_span
from evaluators.comparison.pairing import Pairs, detectors_differ, differences, lacks_signal, pair
from evaluators.comparison.presentation import NO_SIGNAL
from evaluators.criteria.metric_catalogue import Measure, is_signal
from evaluators.results.run_table import RunTable, Scope, table_of
from fairtrial.domain.errors import UsageError
from fairtrial.domain.estimates import Answer, Comparison, Estimate, NotEnough
from fairtrial.domain.promises import ONE_SIDED_95
from fairtrial.domain.run import Run
from fairtrial.stats.intervals import tango
from fairtrial.stats.paired.clustered import Clusters, sign_flip
from fairtrial.stats.paired.paired_tests import classify_interval, exact, exact_one_sided
from fairtrial.stats.paired.resampling import Indices, bootstrap_corpus, jackknife_corpus
from fairtrial.stats.paired.score_mean import score_mean

CorpusSide = tuple[CaseFigure, float | None]
"""A corpus figure of one side, and its reach: n times the weight of the heaviest case."""

INTERVAL = "interval of the paired difference excludes 0"
MCNEMAR, SIGN_FLIP = "McNemar, exact", "sign flip"
ONE_SIDED = ", one-sided"


def compare_runs(
    measures: Sequence[Measure],
    candidate: Run | RunTable,
    baseline: Run | RunTable,
    scopes: Iterable[Scope | None] = (None,),
) -> list[Comparison]:
    """Every measure in every scope, with two-sided 95 % intervals; combinations without a case are left out.

    Raises `UsageError`, which lists what differs, if the runs are not comparable.
    """
    differing = differences(candidate, baseline)
    if differing:
        raise UsageError(f"runs {candidate.run_id} and {baseline.run_id} can't be compared: " + "; ".join(differing))
    new, old = table_of(candidate), table_of(baseline)
    comparisons = []
    for scope in scopes:
        for measure in measures:
            pairs = pair(measure, new, old, scope)
            if pairs.n:
                comparison = compare(measure, pairs, scope=str(scope or ""), level=0.95, seed=candidate.seed)
                silent = lacks_signal(measure, comparison, new, scope)
                comparisons.append(replace(comparison, answer="cannot tell", rule=NO_SIGNAL) if silent else comparison)
    return comparisons


def compare(
    measure: Measure, pairs: Pairs, *, scope: str = "", level: float = ONE_SIDED_95, seed: int = 0
) -> Comparison:
    """Candidate − baseline on the measure's own scale, and the answer without a margin: better, worse or undecided.

    The interval and the p-value have to agree (`answer_of`).
    """
    difference = difference_of(measure, pairs, level=level, seed=seed)
    p, p_method = p_of(measure, pairs)
    answer, rule = answer_of(difference, p, sign=measure.sign, tested=has_p(measure))
    comparison = figures(measure, pairs, scope)
    return replace(comparison, difference=difference, answer=answer, p=p, p_method=p_method, rule=rule)


def figures(measure: Measure, pairs: Pairs, scope: str) -> Comparison:
    """Both sides' figures and their discordant cases, without interval, p or answer."""
    counted = measure.kind == "proportion" and pairs.binary and pairs.n
    won, lost = discordant_cases(measure, pairs) if counted else (None, None)
    return Comparison(
        metric=measure.name,
        scope=scope,
        candidate=figure(measure, pairs, "candidate"),
        baseline=figure(measure, pairs, "baseline"),
        difference=NotEnough("no interval was asked for", ""),
        answer="cannot tell",
        won=won,
        lost=lost,
        n=pairs.n,
    )


def difference_of(measure: Measure, pairs: Pairs, *, level: float, seed: int) -> Estimate | NotEnough:
    """The paired difference: Tango's interval for independent 0/1 cases, else a score interval or a bootstrap."""
    if pairs.n == 0:
        return _no_pair(measure, pairs)
    if measure.kind == "corpus":
        return _of_corpus(measure, pairs, 1.0, level=level, seed=seed)
    if is_binary(measure, pairs):
        up = int(np.count_nonzero(pairs.differences > 0))
        return tango(up, int(np.count_nonzero(pairs.differences < 0)), pairs.n, level=level)
    most = largest_value(measure, pairs)
    estimate = score_mean(pairs.differences, pairs.candidate.clusters, within=(-most, most), level=level)
    if isinstance(estimate, NotEnough):
        return estimate
    times = pairs.n if measure.kind == "total" else 1
    return replace(
        estimate,
        value=estimate.value * times,
        low=estimate.low * times,
        high=estimate.high * times,
        method=f"paired {estimate.method}",
    )


def relative_difference(
    measure: Measure, pairs: Pairs, factor: float, *, level: float = ONE_SIDED_95, seed: int = 0
) -> Estimate | NotEnough:
    """candidate − factor · baseline, paired; a relative margin requires it to be above or below 0.

    Testing this difference instead of the ratio works for a baseline of 0 as well (Fieller's method).
    """
    if pairs.n == 0:
        return _no_pair(measure, pairs)
    if measure.kind == "corpus":
        return _of_corpus(measure, pairs, factor, level=level, seed=seed)
    values, most = pairs.candidate.values - factor * pairs.baseline.values, largest_value(measure, pairs)
    return score_mean(values, pairs.candidate.clusters, within=(-factor * most, most), level=level)


def _no_pair(measure: Measure, pairs: Pairs) -> NotEnough:
    """Why no case can be compared."""
    new, old = pairs.candidate.run, pairs.baseline.run
    if is_signal(measure) and detectors_differ(new, old):
        reason = f"different versions measured {measure.name} in runs {new.run_id} and {old.run_id}"
        return NotEnough(reason, "both runs again, with this version")
    return NotEnough("no case is scored on both sides", "cases that both sides answered and that are scored")


def oriented(difference: Estimate, sign: int) -> tuple[float, float]:
    """The bounds, turned so that more is always better."""
    return (difference.low, difference.high) if sign > 0 else (-difference.high, -difference.low)


def figure(measure: Measure, pairs: Pairs, side: str) -> float | None:
    """One side's figure over the paired cases."""
    chosen = pairs.candidate if side == "candidate" else pairs.baseline
    if chosen.n == 0:
        return None
    if measure.kind == "corpus":
        return figure_of(measure, chosen)(np.arange(chosen.n))
    return float(chosen.values.sum() if measure.kind == "total" else chosen.values.mean())


def corpus_interval(
    new: CorpusSide,
    old: CorpusSide,
    factor: float,
    n: int,
    clusters: Clusters | None,
    *,
    scale: float,
    level: float,
) -> Estimate | NotEnough:
    """The interval of new − factor · old for two smooth figures of the same ``n`` cases, each from 0 to ``scale``."""
    gap = _gap(new[0], old[0], factor)
    rest = None
    if new[0].without is not None and old[0].without is not None:
        rest = _gap(new[0].without, old[0].without, factor)
    reach = None if new[1] is None or old[1] is None else max(new[1], old[1])
    within = -factor * scale, scale
    return jackknife_corpus(gap, n, clusters, within=within, reach=reach, without=rest, level=level)


def _of_corpus(measure: Measure, pairs: Pairs, factor: float, *, level: float, seed: int) -> Estimate | NotEnough:
    sides, clusters = (pairs.candidate, pairs.baseline), pairs.candidate.clusters
    if measure.quantile is None:
        new, old = ((figure_of(measure, side), reach_of(measure, side)) for side in sides)
        return corpus_interval(new, old, factor, pairs.n, clusters, scale=measure.scale, level=level)
    new_figure, old_figure = (figure_of(measure, side) for side in sides)
    gap, span = _gap(new_figure, old_figure, factor), share_span(measure)
    return bootstrap_corpus(gap, pairs.n, clusters, level=level, seed=seed, span=span)


def _gap(new: OfCases, old: OfCases, factor: float) -> OfCases:
    """new − factor · old of the same cases."""

    def gap(indices: Indices) -> float | None:
        candidate, baseline = new(indices), old(indices)
        return None if candidate is None or baseline is None else candidate - factor * baseline

    return gap


def largest_value(measure: Measure, pairs: Pairs) -> float:
    """The largest value that one case can have: the scale of a share, else the largest observed; 1 if all are 0."""
    if measure.form == "share":
        return measure.scale
    return float(max(np.abs(pairs.candidate.values).max(), np.abs(pairs.baseline.values).max())) or 1.0


def answer_of(difference: Estimate | NotEnough, p: float | None, *, sign: int, tested: bool) -> tuple[Answer, str]:
    """Better, worse or cannot tell, without a margin, and the rule in words.

    ``p`` is two-sided, and has to be at most 1 − the interval's level. ``tested`` is false for figures without a p,
    such as corpus figures; their interval decides alone. A score interval alone is too narrow for few differing cases:
    with 4 gains and no loss the 95 % interval excludes 0, and the exact p is 0.125.
    """
    if isinstance(difference, NotEnough):
        return "cannot tell", ""
    answer = classify_interval(difference, more_is_better=sign > 0)
    words = f"{100 * difference.level:.4g} % {INTERVAL}"
    if not tested:
        return answer, words
    most = round(1 - difference.level, 12)
    agrees = p is not None and p <= most
    return answer if agrees else "cannot tell", f"{words} and p ≤ {most:.4g}"


def has_p(measure: Measure) -> bool:
    """Whether a p-value can be computed: for shares and means, not for corpus figures and totals."""
    return measure.kind in ("proportion", "mean")


def p_of(measure: Measure, pairs: Pairs) -> tuple[float | None, str]:
    """The two-sided p of no difference, and its method.

    McNemar's exact test is used for independent 0/1 cases; the sign-flip test for repeated, clustered or real
    values. ``None`` if nothing differs, and for corpus figures.
    """
    if not has_p(measure) or pairs.n == 0:
        return None, ""
    if is_binary(measure, pairs):
        p, method = exact(*discordant_cases(measure, pairs)), MCNEMAR
    else:
        p, method = sign_flip(pairs.differences, pairs.candidate.clusters), SIGN_FLIP
    return (None, "") if isinstance(p, NotEnough) else (p, method)


def one_sided_p_of(measure: Measure, pairs: Pairs) -> tuple[float | None, str]:
    """The one-sided p of no difference, in the direction that was observed. A gate that requires better needs it.

    The sign-flip distribution is symmetric, so half of its two-sided p is the one-sided one.
    """
    p, method = p_of(measure, pairs)
    if p is None:
        return None, ""
    if method == MCNEMAR:
        counts = discordant_cases(measure, pairs)
        return exact_one_sided(max(counts), min(counts)), method + ONE_SIDED
    return p / 2, method + ONE_SIDED


def is_binary(measure: Measure, pairs: Pairs) -> bool:
    """Whether these are independent 0/1 cases, for which McNemar's test and Tango's interval are made."""
    return measure.kind == "proportion" and pairs.binary and pairs.candidate.clusters is None


def discordant_cases(measure: Measure, pairs: Pairs) -> tuple[int, int]:
    """Count the cases that only the candidate got right, and those that only the baseline got right."""
    gains = pairs.differences * measure.sign
    return int((gains > 0).sum()), int((gains < 0).sum())

"""Answers better or worse by one rule: a confidence bound lies beyond 0, and the p-value agrees where there is one."""

from __future__ import annotations

from evaluators.comparison.pairing import Pairs
from evaluators.criteria.metric_catalogue import Measure
from fairtrial.domain.estimates import Answer, Estimate, NotEnough
from fairtrial.stats.paired.equivalence import classify_interval
from fairtrial.stats.paired.paired_tests import exact, exact_one_sided, sign_flip

INTERVAL = "interval of the paired difference excludes 0"
MCNEMAR, SIGN_FLIP = "McNemar, exact", "sign flip"
ONE_SIDED = ", one-sided"


def answer_of(difference: Estimate | NotEnough, p: float | None, *, sign: int, tested: bool) -> tuple[Answer, str]:
    """Better, worse or cannot tell, without a margin, and the rule in words.

    ``p`` is two-sided, and has to be at most 1 − the interval's level. ``tested`` is false for figures without a p,
    such as corpus figures; their interval decides alone. A score interval alone is too narrow for few differing cases:
    with 4 gains and no loss the 95 % interval excludes 0, and the exact p is 0.125.
    """
    if isinstance(difference, NotEnough):
        return "cannot tell", ""
    found = classify_interval(difference, more_is_better=sign > 0)
    words = f"{100 * difference.level:.4g} % {INTERVAL}"
    if not tested:
        return found, words
    most = round(1 - difference.level, 12)
    agrees = p is not None and p <= most
    return found if agrees else "cannot tell", f"{words} and p ≤ {most:.4g}"


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
        found, method = exact(*discordant_cases(measure, pairs)), MCNEMAR
    else:
        found, method = sign_flip(pairs.differences, pairs.candidate.clusters), SIGN_FLIP
    return (None, "") if isinstance(found, NotEnough) else (found, method)


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
    """How many cases only the candidate got right, and how many only the baseline, whichever direction is better."""
    gains = pairs.differences * measure.sign
    return int((gains > 0).sum()), int((gains < 0).sum())

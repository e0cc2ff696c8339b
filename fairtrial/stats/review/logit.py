"""Fractional logistic regression of a share, fitted by least deviance, with clustered standard errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.effects import Effect
from fairtrial.stats.paired.clustered import Floats, finite
from fairtrial.stats.review.crossed import MIN_ITEMS, NO_SPREAD, Clusters, weights_of

__all__ = ["fractional_logit"]

LOOKS = 50
CLOSE = 1e-10
BEYOND = 10.0
"""Log odds of 22,000 to 1. No realistic number of votes shows such a coefficient, so the fit is diverging."""


def fractional_logit(
    values: Floats,
    columns: Sequence[Floats],
    items: Sequence[str],
    people: Sequence[str],
    *,
    weights: Floats | None = None,
) -> tuple[Effect, ...] | NotEnough:
    """The coefficients of logit E(value) = β₀ + Σ βₖ columnₖ, in log odds: β₀ first, then one for each column.

    ``values`` lie in [0, 1], and a tie is ½ (quasi-likelihood). ``values``, ``items``, ``people`` and ``weights`` (1/π)
    have one entry for each vote. The variance is the sandwich variance, clustered as in `crossed_mean`. Returns
    `NotEnough` if the columns are collinear: one is constant, or a combination of others. It also does so if the votes
    are separated. Then a combination of columns splits the votes for one side from those for the other, and a
    coefficient diverges. The other cases are votes without spread, and fewer than two items. Raises `ValueError` for
    columns that can't belong to the same votes.

    Source: Papke & Wooldridge (1996), J. Appl. Econometrics 11:619-632, for shares; Albert & Anderson (1984),
    Biometrika 71:1-10, for separation; Liang & Zeger (1986), Biometrika 73:13-22, for the variance.

    >>> votes, side = np.array([1.0] * 6 + [0.0] * 4), np.array([1.0, -1.0] * 5)
    >>> level, slope = fractional_logit(votes, [side], list("abcdefghij"), ["ann"] * 10)
    >>> round(level.value, 4), round(slope.value, 4)
    (0.4055, 0.0)
    """
    return fit_clustered(values, columns, Clusters.of(items, people), weights=weights)


def fit_clustered(
    values: Floats, columns: Sequence[Floats], groups: Clusters, *, weights: Floats | None = None
) -> tuple[Effect, ...] | NotEnough:
    """Fits the same model to given clusters, for several fits of the same votes."""
    values, shares = finite(values), weights_of(len(values), groups, weights)
    if any(len(column) != len(values) for column in columns) or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"each of {len(values)} votes must be worth 0 to 1 and have one entry in each column")
    if not len(values):
        return NotEnough("there is no vote", "votes")
    if groups.items < MIN_ITEMS:
        return NotEnough("one judged pair can't show how much pairs vary", "more judged pairs", len(values))
    design = np.column_stack([np.ones(len(values)), *(finite(column) for column in columns)])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return NotEnough("the votes can't tell the causes apart", "votes in which they differ", len(values))
    shares = shares / shares.mean()
    solved = _newton(design, values, shares)
    if solved is None:
        return NotEnough("the votes are separated: a cause explains all of them", "more votes", len(values))
    beta, inverse = solved
    influence = (shares * (values - scipy.special.expit(design @ beta)))[:, None] * (design @ inverse)
    variances = [groups.variance(influence[:, k]) for k in range(len(beta))]
    if min(variances) <= NO_SPREAD:
        return NotEnough("the votes show no spread", "votes that differ", len(values))
    method = f"fractional logit clustered by {'pair and reviewer' if groups.two_way else 'pair'}"
    return tuple(
        Effect(float(value), variance, len(values), method, freedom=groups.freedom)
        for value, variance in zip(beta, variances, strict=True)
    )


def p_of(effect: Effect) -> float:
    """The two-sided p-value of "the coefficient is 0", for a single look."""
    return 2 * float(scipy.special.stdtr(effect.freedom, -abs(effect.value) / effect.variance**0.5))


def _newton(design: Floats, values: Floats, shares: Floats) -> tuple[Floats, Floats] | None:
    """The coefficients and the inverse of their information, or ``None`` if they diverge."""
    beta = np.zeros(design.shape[1])
    for _ in range(LOOKS):
        fit_clustered = scipy.special.expit(design @ beta)
        information = (design * (shares * fit_clustered * (1 - fit_clustered))[:, None]).T @ design
        inverse = np.linalg.inv(information)
        step = inverse @ (design.T @ (shares * (values - fit_clustered)))
        beta = beta + step
        if np.abs(beta).max() > BEYOND:
            return None
        if np.abs(step).max() < CLOSE:
            return beta, inverse
    return None

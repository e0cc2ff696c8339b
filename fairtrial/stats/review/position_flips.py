"""Compares a judge's votes on each pair in both orders: the consistent votes, and how often the order decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import wilson
from fairtrial.stats.paired.clustered import Floats
from fairtrial.stats.review.preference import TIE, require_votes, win_rate

__all__ = ["both_orders", "flip_rate"]


def both_orders(first: Floats, second: Floats) -> Floats:
    """One vote for each pair: the vote in both orders if they agree, otherwise a tie.

    ``first`` has the votes where the candidate was shown first, and ``second`` those where it was shown second, in the
    same order of pairs. A vote is 1 for the candidate, 0 for the baseline, or ½ for a tie. Raises `ValueError` for
    columns of different lengths, and for other values.

    Source: Zheng et al. (2023), NeurIPS Datasets and Benchmarks, arXiv:2306.05685, section 3.4.

    >>> both_orders(np.array([1.0, 1.0, 0.5]), np.array([1.0, 0.0, 0.5])).tolist()
    [1.0, 0.5, 0.5]
    """
    return np.where(_agree(first, second), first, TIE)


def flip_rate(
    first: Floats, second: Floats, *, clusters: Sequence[str] | None = None, level: float = 0.95
) -> Estimate | NotEnough:
    """The share of pairs, in [0, 1], on which the two orders disagree, with Wilson's interval.

    ``first`` and ``second`` are as in `both_orders`. Pairs of one of the ``clusters``, such as one conversation, may be
    correlated. With clusters, Wilson's interval uses the effective number of pairs, as in `win_rate`. A tie in one
    order and a preference in the other is a disagreement. Returns `NotEnough` without pairs, and below ten clusters.

    Source: Zheng et al. (2023), arXiv:2306.05685, whose "consistency" is 1 minus this rate; Wilson (1927), JASA
    22:209-212; Korn & Graubard (1998), Survey Methodology 24:193-201, for the effective number.

    >>> first, second = np.array([1.0] * 15 + [0.0] * 5), np.array([1.0] * 12 + [0.0] * 8)
    >>> print(flip_rate(first, second))
    0.15 (0.05237 to 0.3604; 95 %, n = 20, flip rate, Wilson)
    """
    flipped = np.where(_agree(first, second), 0.0, 1.0)
    if clusters is None:
        found, method = wilson(int(flipped.sum()), len(flipped), level=level), "flip rate, Wilson"
    else:
        found = win_rate(flipped, clusters, ["judge"] * len(flipped), level=level)
        method = "flip rate, Wilson at the effective number of pairs"
    return found if isinstance(found, NotEnough) else replace(found, method=method)


def _agree(first: Floats, second: Floats) -> NDArray[np.bool_]:
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} votes can't belong to the same pairs in both orders")
    require_votes(first)
    require_votes(second)
    return np.asarray(np.equal(first, second), dtype=np.bool_)

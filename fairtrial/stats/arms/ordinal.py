"""Compares ordinal ratings of two arms: how often one from the treatment beats one from control."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.contrasts import monitoring_variance, welch
from fairtrial.stats.effects import Effect, too_few

__all__ = ["superiority"]


def superiority(control: Sequence[int], treatment: Sequence[int]) -> Effect | NotEnough:
    """P(treatment above control) + ½ P(equal) for one unit of each arm: ½ if neither tends to be higher.

    ``control`` and ``treatment`` count the units with each rating, lowest rating first, on the same scale: five counts
    for ratings from 1 to 5. The effect is centred on ½, not 0. The variance is Brunner and Munzel's, which is valid
    even where the arms have different spreads. The point estimate is Mann and Whitney's statistic. Returns `NotEnough`
    below two units in an arm. It also does so if every rating of one arm is above all of the other, because nothing
    then shows how they vary.

    Source: Brunner & Munzel (2000), Biometrical Journal 42:17-25; Mann & Whitney (1947), Ann. Math. Stat. 18:50-60.

    >>> from fairtrial.stats.effects import fixed
    >>> print(fixed(superiority([11, 2, 0, 1, 0], [3, 1, 4, 2, 1])))
    0.789 (0.5952 to 0.9827; 95 %, n = 25, Brunner-Munzel)
    """
    a, b = _counts(control), _counts(treatment)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} counts can't belong to the same ratings")
    n_a, n_b = int(a.sum()), int(b.sum())
    least = min(n_a, n_b)
    if least < 2:
        return NotEnough(f"{least} units can't show how much they vary", "2 units or more in each arm", n_a + n_b)
    beaten = (np.cumsum(a) - a / 2) / n_a
    lost = (np.cumsum(b) - b / 2) / n_b
    chance = float(b @ beaten) / n_b
    if not 0 < chance < 1:
        return NotEnough("every rating of one arm is above all of the other", "ratings that overlap", n_a + n_b)
    ours, theirs = _variance(beaten, b) / n_b, _variance(lost, a) / n_a
    freedom, larger = welch((theirs, n_a - 1), (ours, n_b - 1)), monitoring_variance((theirs, n_a), (ours, n_b))
    early = too_few(n_a, n_b)
    return Effect(chance, ours + theirs, n_a + n_b, "Brunner-Munzel", freedom, early, larger, within=(0.0, 1.0))


def _counts(marks: Sequence[int]) -> NDArray[np.float64]:
    found = np.asarray(marks, dtype=np.float64)
    if found.ndim != 1 or not (np.isfinite(found) & (found >= 0) & (found == np.floor(found))).all():
        raise ValueError("the counts of ratings must be whole numbers of 0 or more")
    return found


def _variance(values: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    n = counts.sum()
    off = values - counts @ values / n
    return float(counts @ off**2 / (n - 1))

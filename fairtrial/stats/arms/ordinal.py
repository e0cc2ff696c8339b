"""How often a mark of one arm beats one of the other, for marks that have an order and no distances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.contrasts import watched, welch
from fairtrial.stats.effects import Effect, too_few

__all__ = ["superiority"]


def superiority(control: Sequence[int], treatment: Sequence[int]) -> Effect | NotEnough:
    """P(treatment above control) + ½ P(equal) for one unit of each arm: ½ if neither tends to be higher.

    ``control`` and ``treatment`` count the units with each mark, lowest mark first, the same marks for both: five
    counts for ratings from 1 to 5. The effect is around ½, not 0. The variance is Brunner and Munzel's, which holds
    where the arms spread differently; at one point the statistic is Mann and Whitney's. `NotEnough` below two units in
    an arm, or if every mark of one arm is above all of the other: then nothing shows how they vary.

    Source: Brunner & Munzel (2000), Biometrical Journal 42:17-25; Mann & Whitney (1947), Ann. Math. Stat. 18:50-60.

    >>> from fairtrial.stats.effects import fixed
    >>> print(fixed(superiority([11, 2, 0, 1, 0], [3, 1, 4, 2, 1])))
    0.789 (0.5952 to 0.9827; 95 %, n = 25, Brunner-Munzel)
    """
    a, b = _counts(control), _counts(treatment)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} marks can't be the same ones")
    n_a, n_b = int(a.sum()), int(b.sum())
    least = min(n_a, n_b)
    if least < 2:
        return NotEnough(f"{least} units can't show how much they vary", "2 units or more in each arm", n_a + n_b)
    beaten = (np.cumsum(a) - a / 2) / n_a
    lost = (np.cumsum(b) - b / 2) / n_b
    chance = float(b @ beaten) / n_b
    if not 0 < chance < 1:
        return NotEnough("every mark of one arm is above all of the other", "marks that overlap", n_a + n_b)
    ours, theirs = _variance(beaten, b) / n_b, _variance(lost, a) / n_a
    freedom, larger = welch((theirs, n_a - 1), (ours, n_b - 1)), watched((theirs, n_a), (ours, n_b))
    early = too_few(n_a, n_b)
    return Effect(chance, ours + theirs, n_a + n_b, "Brunner-Munzel", freedom, early, larger, within=(0.0, 1.0))


def _counts(marks: Sequence[int]) -> NDArray[np.float64]:
    found = np.asarray(marks, dtype=np.float64)
    if found.ndim != 1 or not (np.isfinite(found) & (found >= 0) & (found == np.floor(found))).all():
        raise ValueError("a mark can't have been given less than never, nor a fraction of a time")
    return found


def _variance(values: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    n = counts.sum()
    off = values - counts @ values / n
    return float(counts @ off**2 / (n - 1))

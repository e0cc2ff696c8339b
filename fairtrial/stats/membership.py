"""The exact interval of a share, and the true-positive rate of a membership test at a false-positive rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import upper_share

__all__ = ["clopper_pearson", "tpr_at_fpr"]

Floats = NDArray[np.float64]
MIN_CONTROLS = 100
"""With fewer controls, a false-positive rate of 1 % cannot be observed at all."""


def clopper_pearson(successes: int, n: int, *, level: float = 0.95) -> Estimate | NotEnough:
    """The exact interval for a proportion, which never covers less often than its level says.

    Use it where an error must not exceed its level even for few cases. `wilson` is shorter, and right on average.
    Returns `NotEnough` without cases.

    Source: Clopper & Pearson (1934), Biometrika 26:404-413.

    >>> print(clopper_pearson(9, 10))
    0.9 (0.555 to 0.9975; 95 %, n = 10, Clopper-Pearson)
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes can't be among {n} cases")
    if n == 0:
        return NotEnough("no case is scored", "one scored case or more")
    upper = upper_share(level)
    low = 0.0 if successes == 0 else float(scipy.special.betaincinv(successes, n - successes + 1, 1 - upper))
    high = 1.0 if successes == n else float(scipy.special.betaincinv(successes + 1, n - successes, upper))
    return Estimate(successes / n, low, high, level, n, "Clopper-Pearson")


@dataclass(frozen=True, slots=True)
class TprAtFpr:
    """The share of members that score above a threshold, and that of controls, each with its exact interval."""

    threshold: float
    tpr: Estimate
    fpr: Estimate

    @property
    def detected(self) -> bool:
        """Whether members are proven to exceed the threshold more often than controls: the intervals do not overlap."""
        return self.tpr.low > self.fpr.high


def tpr_at_fpr(
    members: Floats, controls: Floats, *, fpr: float = 0.01, level: float = 0.95, minimum: int = MIN_CONTROLS
) -> TprAtFpr | NotEnough:
    """The true-positive rate at the lowest threshold that at most ``fpr`` of the controls exceed.

    A higher score means a more likely member. Averages hide a few texts that are certainly remembered; the rate at few
    false alarms shows them. The threshold comes from the same controls, so the rate at new ones can be higher;
    the upper end of ``fpr``'s interval says by how much. Returns `NotEnough` below ``minimum`` controls.

    Source: Carlini et al. (2022), "Membership Inference Attacks From First Principles", IEEE S&P.

    >>> import numpy as np
    >>> found = tpr_at_fpr(np.array([0.9] * 15 + [0.1] * 5), np.linspace(0, 0.5, 200))
    >>> print(found.tpr)
    0.75 (0.509 to 0.9134; 95 %, n = 20, Clopper-Pearson)
    """
    if len(controls) < minimum:
        return NotEnough(
            f"{len(controls)} controls cannot show a false-positive rate of {100 * fpr:g} %",
            f"{minimum} controls or more",
            len(controls),
        )
    ranked = np.sort(np.asarray(controls, dtype=np.float64))[::-1]
    threshold = float(ranked[int(fpr * len(ranked))])
    above = [int(np.count_nonzero(np.asarray(scores) > threshold)) for scores in (members, controls)]
    tpr = clopper_pearson(above[0], len(members), level=level)
    false = clopper_pearson(above[1], len(controls), level=level)
    if isinstance(tpr, NotEnough) or isinstance(false, NotEnough):
        return NotEnough("no member is scored", "one scored member or more", len(controls))
    return TprAtFpr(threshold, tpr, false)

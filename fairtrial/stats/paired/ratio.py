"""The ratio of two paired means with its interval, such as how much longer a candidate's answers are."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import upper_share
from fairtrial.stats.paired.clustered import Clusters, Floats, finite

__all__ = ["ratio_of_means"]


def ratio_of_means(
    candidate: Floats, baseline: Floats, clusters: Clusters | None = None, *, level: float = 0.95
) -> Estimate | NotEnough:
    """The mean of ``candidate`` divided by that of ``baseline``, over the same cases; no value may be negative.

    The interval is that of the logarithm by the delta method, with Student's quantile over clusters. ``clusters`` gives
    each case's cluster, or ``None`` if each stands alone. Returns `NotEnough` if a mean is 0 or there is one cluster.

    Source: Kish (1965), Survey Sampling, §6.6, for the ratio; Cochran (1977), Sampling Techniques, §6.9, for its log.

    >>> import numpy as np
    >>> print(ratio_of_means(np.array([20.0, 44, 61, 78]), np.array([10.0, 20, 30, 40])))
    2.03 (1.865 to 2.209; 95 %, n = 4, ratio of means, log)
    """
    new, old = finite(candidate), finite(baseline)
    n = len(new)
    if n == 0 or new.mean() <= 0 or old.mean() <= 0:
        return NotEnough("a mean is 0, so there is no ratio", "answers with a length on both sides", n)
    parts = (new / new.mean() - old / old.mean()) / n
    units = parts
    if clusters is not None:
        units = np.bincount(np.unique(np.asarray(clusters), return_inverse=True)[1], weights=parts)
    count = len(units)
    if count < 2:
        return NotEnough("one cluster does not show how much the ratio varies", "two clusters or more", n)
    spread = sqrt(float(np.sum(units**2)) * count / (count - 1)) * float(
        scipy.special.stdtrit(count - 1, upper_share(level))
    )
    centre = log(float(new.mean() / old.mean()))
    method = "ratio of means, log" + ("" if clusters is None else ", over clusters")
    return Estimate(exp(centre), exp(centre - spread), exp(centre + spread), level, n, method)

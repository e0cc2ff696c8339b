"""The mean of values with its interval, where values of one cluster may move together."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import quantile

Floats = NDArray[np.float64]
MIN_CLUSTERS = 2


def clustered_mean(
    values: Floats, clusters: Sequence[str] | None = None, *, level: float = 0.95, span: float | None = None
) -> Estimate | NotEnough:
    """The mean of values, or of paired differences, with a t interval on clustered standard errors.

    ``values``: one for each case, repeats averaged before; ``clusters``: its cluster for each case, or ``None`` if
    each case stands alone; ``span``: the largest change that one case could show, by default the largest seen. The
    standard error is sqrt(Σ_c (Σ r)²) / n with the C/(C − 1) correction, with C − 1 degrees of freedom. Where all
    values are equal it would be 0: then the half-width is what the next, unseen kind of case could add,
    span · z²/(n + z²), as Tango's interval has it for no discordance. `NotEnough` below two clusters.

    Source: Miller (2024), arXiv:2411.00640, equation 4; Liang & Zeger (1986), Biometrika 73:13-22.
    """
    n = len(values)
    sums = cluster_sums(values - values.mean(), clusters) if n else np.empty(0)
    count = len(sums)
    if count < MIN_CLUSTERS:
        what = "cases" if clusters is None else "clusters"
        return NotEnough(f"{count} {what} can't show how much they vary", f"{MIN_CLUSTERS} {what} or more", n)
    mean = float(values.mean())
    error = sqrt(float(sums @ sums) * count / (count - 1)) / n
    half = float(stdtrit(count - 1, 0.5 + level / 2)) * error
    method = "mean, t" if clusters is None else "mean, t with clustered standard error"
    if np.ptp(values) == 0:
        z2 = quantile(level) ** 2
        half = (float(np.abs(values).max()) if span is None else span) * z2 / (count + z2)
    return Estimate(mean, mean - half, mean + half, level, n, method)


def cluster_sums(values: Floats, clusters: Sequence[str] | None) -> Floats:
    """The sum of the values of each cluster, clusters in the order of their names."""
    if clusters is None:
        return np.asarray(values, dtype=np.float64)
    _, which = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    return np.asarray(np.bincount(which, weights=values), dtype=np.float64)

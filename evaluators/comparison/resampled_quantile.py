"""Computes quantiles of resampled values from counts in coarse bins: numpy's result in a third of the time."""

from __future__ import annotations

from collections.abc import Callable
from math import floor

import numpy as np

from evaluators.results.run_table import Floats
from fairtrial.stats.paired.bootstrap import Indices

BINS = 256
FEW = 2_000
"""For fewer values than this, sorting them is as fast."""


def resampled_quantile(values: Floats, share: float) -> Callable[[Indices], float | None]:
    """The ``share`` quantile of the values in the drawn rows, as `numpy.quantile` computes it (linear, type 7).

    ``values`` has a row for each case with the values of its repeats, NaN for none. ``None`` if no value is drawn.
    """
    if values.size < FEW:
        return lambda indices: _plain(values[indices], share)
    ordered = np.sort(values, axis=None)
    ordered = ordered[: len(ordered) - int(np.isnan(ordered).sum())]
    ends = ordered[np.linspace(0, len(ordered) - 1, BINS).astype(np.intp)[1:]] if len(ordered) else ordered
    bins = np.searchsorted(ends, values).astype(np.uint8)  # a NaN sorts above the largest value, into a separate bin
    bins = bins[:, 0] if bins.shape[1] == 1 else bins

    def figure(indices: Indices) -> float | None:
        drawn = bins.take(indices, axis=0).ravel()
        up_to = np.cumsum(np.bincount(drawn, minlength=BINS)[: len(ends)])
        count = int(up_to[-1]) if len(up_to) else 0
        if not count:
            return None
        place = (count - 1) * share
        low = floor(place)
        high = min(low + 1, count - 1)
        first, last = (int(np.searchsorted(up_to, at, side="right")) for at in (low, high))
        inside = np.flatnonzero((drawn == first) | (drawn == last))  # no value lies between the two bins
        near = values[indices[inside // values.shape[1]], inside % values.shape[1]]
        before = int(up_to[first - 1]) if first else 0
        near.partition((low - before, high - before))
        return _between_values(float(near[low - before]), float(near[high - before]), place - low)

    return figure


def _between_values(low: float, high: float, share: float) -> float:
    """Interpolates from the nearer end, as numpy does."""
    return low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)


def _plain(drawn: Floats, share: float) -> float | None:
    known = drawn[~np.isnan(drawn)]
    return float(np.quantile(known, share)) if len(known) else None

"""Weights for partial agreement, from 1 for equal ratings to 0 for opposite ends of the scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from fairtrial.stats.agreement.rating_table import Floats, Value

__all__ = ["agreement_weights"]

Weights = Literal["identity", "ordinal", "linear", "quadratic"]


def agreement_weights(scale: Sequence[Value], weights: Weights) -> Floats:
    """The matrix of weights, with one row and one column for each value of the scale.

    ``identity`` counts only equal ratings. ``linear`` and ``quadratic`` use the distance between numbers, and its
    square. ``ordinal`` uses the number of pairs of ranks in between, whatever the numbers are. Raises `ValueError` for
    names with weights other than ``identity``, for a scale that does not rise, and for unknown weights.

    Source: Cohen (1968), Psychological Bulletin 70:213-220. Ordinal weights: Gwet (2014), Handbook of Inter-Rater
    Reliability, 4th ed., ch. 3.

    >>> agreement_weights([1, 2, 3], "quadratic").tolist()
    [[1.0, 0.75, 0.0], [0.75, 1.0, 0.75], [0.0, 0.75, 1.0]]
    """
    if weights not in get_args(Weights):
        raise ValueError(f"there are no {weights!r} weights; use one of {', '.join(get_args(Weights))}")
    if weights == "identity" or len(scale) < 2:
        return np.eye(len(scale))
    if any(isinstance(value, str) for value in scale):
        raise ValueError(f"names have no distances: use identity weights, not {weights}")
    at = np.arange(len(scale), dtype=np.float64) if weights == "ordinal" else np.array(scale, dtype=np.float64)
    if not (np.diff(np.array(scale, dtype=np.float64)) > 0).all():
        raise ValueError(f"the values of a scale must rise, unlike {list(scale)}")
    apart = np.abs(at[:, None] - at[None, :])
    if weights == "ordinal":
        apart = apart * (apart + 1)
    elif weights == "quadratic":
        apart = apart**2
    return np.asarray(1.0 - apart / apart.max(), dtype=np.float64)

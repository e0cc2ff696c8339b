"""How much two different ratings still agree: from 1 for the same to 0 for the ends of the scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from fairtrial.stats.agreement.rating_table import Floats, Value

__all__ = ["agreement_weights"]

Weights = Literal["identity", "ordinal", "linear", "quadratic"]


def agreement_weights(scale: Sequence[Value], weights: Weights) -> Floats:
    """One row and one column for each value of the scale.

    ``identity``: equal or not; ``linear`` and ``quadratic``: by the distance of numbers, and its square; ``ordinal``:
    by how many pairs of ranks lie between, whatever the numbers. Raises `ValueError` for names with distances, for a
    scale that doesn't rise, and for weights of another name.

    Source: Cohen (1968), Psychological Bulletin 70:213-220; Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed.,
    ch. 3, for ordinal weights.

    >>> agreement_weights([1, 2, 3], "quadratic").tolist()
    [[1.0, 0.75, 0.0], [0.75, 1.0, 0.75], [0.0, 0.75, 1.0]]
    """
    if weights not in get_args(Weights):
        raise ValueError(f"there are no {weights!r} weights, but {', '.join(get_args(Weights))}")
    if weights == "identity" or len(scale) < 2:
        return np.eye(len(scale))
    if any(isinstance(value, str) for value in scale):
        raise ValueError(f"names have no distances: their weights are identity, not {weights}")
    at = np.arange(len(scale), dtype=np.float64) if weights == "ordinal" else np.array(scale, dtype=np.float64)
    if not (np.diff(np.array(scale, dtype=np.float64)) > 0).all():
        raise ValueError(f"{list(scale)} is no scale: each value is above the one before")
    apart = np.abs(at[:, None] - at[None, :])
    if weights == "ordinal":
        apart = apart * (apart + 1)
    elif weights == "quadratic":
        apart = apart**2
    return np.asarray(1.0 - apart / apart.max(), dtype=np.float64)

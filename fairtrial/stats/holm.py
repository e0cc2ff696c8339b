"""Holm's correction for testing several hypotheses."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the given order, which control the family-wise error rate.

    The probability that any true hypothesis has an adjusted p-value below α is at most α. ``p_values`` has one p-value
    in [0, 1] for each question. Always-valid p-values may be adjusted at any number of looks. Any dependence is
    allowed. A question that can't be answered yet has no p-value; leave it out only if it is never asked. Raises
    `ValueError` for a value outside [0, 1].

    Source: Holm (1979), Scandinavian Journal of Statistics 6:65-70.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"every p-value in {list(p_values)} must lie between 0 and 1")
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [1.0] * len(p_values)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted

"""Holm's correction: several questions, any of which may be answered yes by luck."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: those below α have at most a chance of α of any false one among them.

    ``p_values``: one for each question, in [0, 1]; always-valid ones may be looked at all the time. Any dependence is
    allowed. A question that can't be answered yet has no p-value; leaving it out is only right if it is never asked.
    `ValueError` for what is not in [0, 1].

    Source: Holm (1979), Scandinavian Journal of Statistics 6:65-70.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"{list(p_values)}: a p-value lies between 0 and 1")
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [1.0] * len(p_values)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted

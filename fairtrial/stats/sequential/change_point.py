"""Finds out that a stream of scores has become larger, with a stated mean run until a false alarm."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.arguments import Floats

__all__ = ["ChangePoint", "find_change"]

WINDOW = 28
"""The change is looked for among so many of the newest scores."""
SHARES = np.array([0.5, 0.8, 0.95])
"""The bets: so large a share of the scores after a change is above the bound."""
EIGHTH = 8


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The evidence of a change, and the number of the score since which it is likeliest.

    >>> ChangePoint(evidence=1200.0, start=9).start
    9
    """

    evidence: float
    start: int


def find_change(scores: Floats, calibration: int) -> ChangePoint | None:
    """The evidence that the newest scores are larger than those before; ``None`` for no more than ``calibration``.

    It is an e-detector: without a change, the mean number of scores until it first reaches ``c`` is at least ``c``. Of
    each possible start, the ranks among the scores before it are bet on. While scores are exchangeable, the chance
    that the next one is above the largest of ``n`` is (1 + c) / (n + 1 + k), after ``c`` of ``k`` that were above. The
    bound is either that largest score, or the one of which an eighth is above. A score equal to the bound is not above.

    Source: Shin, Ramdas & Rinaldo (2023), New Engl. J. Stat. Data Sci. 2(2), arXiv:2203.03532; Vovk (2021), Stat. Sci.
    36:595-611, for the ranks.

    >>> import numpy as np
    >>> quiet, loud = np.linspace(0.1, 0.2, 20), np.full(4, 0.9)
    >>> find_change(quiet[::-1], 7).evidence < 10
    True
    >>> found = find_change(np.concatenate([quiet[::-1], loud]), 7)
    >>> found.evidence > 1000, found.start
    (True, 20)
    """
    starts = range(max(calibration, len(scores) - WINDOW), len(scores))
    evidence = {start: float(np.mean(list(_bets(scores, start)))) for start in starts}
    if not evidence:
        return None
    start = max(evidence, key=lambda start: evidence[start])
    above = scores[start:] > scores[:start].max()
    return ChangePoint(sum(evidence.values()), start + int(above.argmax()))


def _bets(scores: Floats, start: int) -> Iterator[Floats]:
    """What each bet on a change at ``start`` has become, for each of the two bounds."""
    before = np.sort(scores[:start])[::-1]
    for rank in (1, max(1, start // EIGHTH)):
        above = scores[start:] > before[rank - 1]
        seen = np.arange(len(above))
        chances = (rank + np.cumsum(above) - above) / (start + 1 + seen)
        gains = np.where(above, SHARES[:, None] / chances, (1 - SHARES[:, None]) / (1 - chances))
        yield np.prod(gains, axis=1)

"""All statistics of the votes of some queues at once, for display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluators.criteria.external_validation import REVIEW_METRICS
from evaluators.review.agreement import Agreement, PersonAgreement, PositionAndLengthBias, agreement_with_the_rest
from evaluators.review.statistics import Votes
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.review import DIMENSIONS, Dimension, ReviewedQueue
from fairtrial.stats.review.preference import TIE, elo_gap, net_preference


@dataclass(frozen=True, slots=True)
class ReviewFigures:
    """All statistics of the votes of some queues, for display; the field names are keys of the API.

    ``counts``: votes by preference; ``preference``: the win rate against one half; ``net`` and ``elo``: the same as net
    preference and as an Elo difference; ``pull``: its position and length bias; ``levels``: the candidate's mean
    ratings; ``dimensions``: these against the baseline's; ``agreement``: of all reviewers, by metric; ``each``: of each
    reviewer with the others.
    """

    votes: int
    pairs: int
    people: int
    counts: dict[str, int]
    preference: Comparison
    net: Estimate | NotEnough
    elo: Estimate | NotEnough
    pull: PositionAndLengthBias
    levels: dict[Dimension, Estimate | NotEnough]
    dimensions: dict[Dimension, Comparison]
    agreement: dict[str, Agreement]
    each: tuple[PersonAgreement, ...]


def figures_of(queues: Sequence[ReviewedQueue]) -> ReviewFigures:
    """All statistics at once."""
    votes = Votes(queues)
    preference = votes.preference()
    rate = _rate(preference.difference)
    return ReviewFigures(
        votes.n,
        votes.pairs,
        votes.people,
        votes.counts,
        preference,
        net_preference(rate),
        elo_gap(rate),
        votes.bias(),
        {dimension: votes.level(dimension) for dimension in DIMENSIONS},
        {dimension: votes.comparison(dimension) for dimension in DIMENSIONS},
        {metric: votes.agreement(metric) for metric in REVIEW_METRICS},
        agreement_with_the_rest(queues),
    )


def _rate(gap: Estimate | NotEnough) -> Estimate | NotEnough:
    """The win rate, from its difference to one half."""
    if isinstance(gap, NotEnough):
        return gap
    return replace(gap, value=gap.value + TIE, low=gap.low + TIE, high=gap.high + TIE)

"""Computes the statistics of blind reviews: win rate, ratings, agreement and bias."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluators.criteria.grammar import Population
from evaluators.criteria.review_validation import PREFERENCE, REVIEW_METRICS
from evaluators.review.agreement import Agreement, PersonAgreement, agreement_of, agreement_with_the_rest
from evaluators.review.bias import PositionAndLengthBias, estimate_bias
from fairtrial.domain.estimates import Answer, Comparison, Estimate, NotEnough
from fairtrial.domain.reviews.evidence import ReviewedQueue, Vote
from fairtrial.domain.reviews.review import DIMENSIONS, Arm, Dimension, Preference
from fairtrial.stats.paired.clustered import Floats
from fairtrial.stats.paired.mcnemar import exact
from fairtrial.stats.paired.sign_flip import sign_flip
from fairtrial.stats.review.crossed import MIN_PEOPLE
from fairtrial.stats.review.preference import TIE, count_wins, win_rate
from fairtrial.stats.review.preference_model import Judgements
from fairtrial.stats.review.preference_scales import elo_gap, net_preference
from fairtrial.stats.review.ratings import mean_rating

ONE_SIDED_95 = 0.90
TWO_SIDED_95 = 0.95
EXACT_BELOW = 30
AMONG: Population = "among these reviewers"
GENERAL: Population = "in general"
WORTH: dict[Preference, float] = {"candidate": 1.0, "baseline": 0.0, "tie": TIE, "both_bad": TIE}
"""What a vote adds to the win rate; "can't judge" adds nothing."""

LOWEST, HIGHEST = 1.0, 5.0
SPAN = HIGHEST - LOWEST


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


class Votes:
    """The votes of some queues as columns; a vote weighs 1 / (its case's expected number of draws), if these differ.

    ``population``: to whom the figures generalise. By default that is reviewers in general if three or more voted, with
    each reviewer as a cluster, and otherwise these reviewers only.
    """

    def __init__(self, queues: Sequence[ReviewedQueue], population: Population = "") -> None:
        self._population = population
        chances = _chances(queues)
        self._votes = [(vote, chances[_population(queue)], queue.suite) for queue in queues for vote in queue.votes]
        self._equal = len({round(chance, 9) for _, chance, _ in self._votes}) <= 1

    @property
    def n(self) -> int:
        return len(self._votes)

    @property
    def pairs(self) -> int:
        return len({vote.item_id for vote, _, _ in self._votes})

    @property
    def people(self) -> int:
        return len({vote.reviewer for vote, _, _ in self._votes})

    def reviewers(self, metric: str) -> int:
        """How many reviewers gave a value for this metric."""
        return len(set(self._of(metric).people))

    def in_general(self, metric: str) -> bool:
        """Whether the figures of this metric generalise to reviewers in general."""
        return self._population != AMONG and self.reviewers(metric) >= MIN_PEOPLE

    def _of(self, metric: str) -> _Columns:
        if metric == PREFERENCE:
            return self._columns([WORTH.get(vote.preference) for vote, _, _ in self._votes])
        dimension = next(one for one in DIMENSIONS if metric == f"review.{one}")
        return self._columns([_mark(vote, "candidate", dimension) for vote, _, _ in self._votes])

    def _too_few(self, of: _Columns) -> NotEnough | None:
        """Why figures for reviewers in general cannot be estimated, if a line requires them."""
        people = len(set(of.people))
        if self._population != GENERAL or people >= MIN_PEOPLE or not of.n:
            return None
        who = "one reviewer" if people == 1 else f"{people} reviewers"
        more = MIN_PEOPLE - people
        needed = f"{more} more reviewer{'s' * (more > 1)}, or a line that ends in '{AMONG}'"
        return NotEnough(f"{who} cannot represent reviewers in general", needed, of.n)

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(vote.preference for vote, _, _ in self._votes))

    def preference(self, level: float = ONE_SIDED_95) -> Comparison:
        """The win rate against one half, which equal models would have."""
        columns = self._of(PREFERENCE)
        rate = self._too_few(columns) or win_rate(
            columns.values,
            columns.items,
            columns.people,
            weights=columns.weights,
            general=self._population != AMONG,
            level=level,
        )
        won, lost = count_wins(columns.values)
        p, p_method = (None, "") if self.in_general(PREFERENCE) else _p_of(columns, (won, lost))
        if isinstance(rate, NotEnough):
            return Comparison(PREFERENCE, "", None, TIE, rate, "cannot tell", won, lost, columns.n, p, p_method)
        gap = replace(rate, value=rate.value - TIE, low=rate.low - TIE, high=rate.high - TIE)
        return Comparison(PREFERENCE, "", rate.value, TIE, gap, _answer(gap), won, lost, columns.n, p, p_method)

    def judgements(self, reviewer: str | None = None) -> Judgements | None:
        """All votes, or one person's, with the order of the answers; ``None`` if a vote has no order."""
        columns = self._columns([WORTH.get(vote.preference) for vote, _, _ in self._votes], reviewer)
        shown = [vote for vote in columns.votes if vote.left is not None]
        longer = [vote.longer for vote in shown if vote.longer is not None]
        if len(shown) < columns.n:
            return None
        return Judgements(
            columns.values,
            columns.items,
            columns.people,
            np.array([vote.left == "candidate" for vote in shown], dtype=bool),
            np.array(longer, dtype=np.float64) if len(longer) == len(shown) else None,
            columns.weights,
        )

    def bias(self, level: float = ONE_SIDED_95) -> PositionAndLengthBias:
        """The position and length bias of the win rate."""
        names = {vote.reviewer: vote.name for vote, _, _ in self._votes}
        each = ((reviewer, self.judgements(reviewer)) for reviewer in names)
        return estimate_bias(self.judgements(), each, names, level=level)

    def level(
        self, dimension: Dimension, arm: Arm = "candidate", *, level: float = TWO_SIDED_95
    ) -> Estimate | NotEnough:
        """The mean rating with its two-sided interval, within 1 to 5."""
        found = self._mean([_mark(vote, arm, dimension) for vote, _, _ in self._votes], level)
        if isinstance(found, NotEnough):
            return found
        return replace(found, low=max(LOWEST, found.low), high=min(HIGHEST, found.high))

    def difference(
        self, dimension: Dimension, factor: float = 1.0, *, level: float = ONE_SIDED_95
    ) -> Estimate | NotEnough:
        """candidate − factor · baseline over votes that rated both; one-sided 95 % bounds by default."""
        return self._mean(self._gaps(dimension, factor), level)

    def comparison(self, dimension: Dimension) -> Comparison:
        """Both arms' means over the votes that rated both, and their paired difference."""
        gap = self.difference(dimension)
        both = [
            (vote.ratings["candidate"][dimension], vote.ratings["baseline"][dimension])
            for vote, _, _ in self._votes
            if _gap(vote, dimension) is not None
        ]
        new, old = (float(np.mean(side)) for side in zip(*both, strict=True)) if both else (None, None)
        columns = self._columns(self._gaps(dimension))
        general = self._population != AMONG and len(set(columns.people)) >= MIN_PEOPLE
        flipped = None if general else sign_flip(columns.values, columns.items)
        p, method = (flipped, "sign flip") if isinstance(flipped, float) else (None, "")
        return Comparison(f"review.{dimension}", "", new, old, gap, _answer(gap), n=len(both), p=p, p_method=method)

    def _gaps(self, dimension: Dimension, factor: float = 1.0) -> list[float | None]:
        return [_gap(vote, dimension, factor) for vote, _, _ in self._votes]

    def _mean(self, values: Sequence[float | None], level: float) -> Estimate | NotEnough:
        of = self._columns(values)
        return self._too_few(of) or mean_rating(
            of.values,
            of.items,
            of.people,
            span=SPAN,
            weights=of.weights,
            general=self._population != AMONG,
            level=level,
        )

    def _columns(self, values: Sequence[float | None], reviewer: str | None = None) -> _Columns:
        """The votes that have a value, of all reviewers or of one."""
        kept = [
            (value, *rest)
            for value, rest in zip(values, self._votes, strict=True)
            if value is not None and reviewer in (None, rest[0].reviewer)
        ]
        return _Columns(
            [vote for _, vote, _, _ in kept],
            np.array([value for value, *_ in kept], dtype=np.float64),
            [f"{suite}:{vote.cluster}" for _, vote, _, suite in kept],
            [vote.reviewer for _, vote, _, _ in kept],
            None if self._equal else np.array([1 / chance for _, _, chance, _ in kept]),
        )


@dataclass(frozen=True, slots=True)
class _Columns:
    votes: list[Vote]
    values: Floats
    items: list[str]
    people: list[str]
    weights: Floats | None

    @property
    def n(self) -> int:
        return len(self.values)


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
        {metric: agreement_of(queues, metric) for metric in REVIEW_METRICS},
        agreement_with_the_rest(queues),
    )


def _rate(gap: Estimate | NotEnough) -> Estimate | NotEnough:
    """The win rate, from its difference to one half."""
    if isinstance(gap, NotEnough):
        return gap
    return replace(gap, value=gap.value + TIE, low=gap.low + TIE, high=gap.high + TIE)


def _population(queue: ReviewedQueue) -> tuple[str, str]:
    return queue.suite, queue.suite_digest


def _chances(queues: Sequence[ReviewedQueue]) -> dict[tuple[str, str], float]:
    """How often a case of each suite is expected to be judged: the probabilities of all its queues, added.

    In a queue that was closed early, a case must be drawn and then be among those that were judged.
    """
    chances: dict[tuple[str, str], float] = defaultdict(float)
    for queue in queues:
        if queue.votes:
            drawn = float(np.mean([vote.probability for vote in queue.votes]))
            chances[_population(queue)] += drawn * queue.judged / queue.items
    return chances


def _mark(vote: Vote, arm: Arm, dimension: Dimension) -> float | None:
    return vote.ratings.get(arm, {}).get(dimension)


def _gap(vote: Vote, dimension: Dimension, factor: float = 1.0) -> float | None:
    new, old = _mark(vote, "candidate", dimension), _mark(vote, "baseline", dimension)
    return None if new is None or old is None else new - factor * old


def _p_of(votes: _Columns, decided_votes: tuple[int, int]) -> tuple[float | None, str]:
    """The exact sign test for few votes on distinct pairs, else the sign-flip test by pair."""
    gaps, items = votes.values - TIE, votes.items
    if len(gaps) < EXACT_BELOW and len(set(items)) == len(items):
        found, method = exact(*decided_votes), "sign test, exact"
    else:
        found, method = sign_flip(gaps, items), "sign flip"
    return (None, "") if isinstance(found, NotEnough) else (found, method)


def _answer(gap: Estimate | NotEnough) -> Answer:
    if isinstance(gap, NotEnough):
        return "cannot tell"
    return "better" if gap.low > 0 else "worse" if gap.high < 0 else "cannot tell"

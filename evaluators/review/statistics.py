"""Computes the statistics of blind reviews: win rate, ratings, agreement and bias."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from evaluators.criteria.grammar import Population
from evaluators.criteria.validation import PREFERENCE
from evaluators.review.agreement import agreement_of, estimate_bias
from fairtrial.api.review_answers import MetricAgreement, ReviewBias
from fairtrial.domain.estimates import Answer, Comparison, Estimate, NotEnough
from fairtrial.domain.promises import IN_GENERAL, ONE_SIDED_95, TWO_SIDED_95
from fairtrial.domain.review import DIMENSIONS, Arm, Dimension, Preference, ReviewedQueue, Vote
from fairtrial.domain.wording import counted, drawn_pairs
from fairtrial.stats.review.crossed import mean_rating
from fairtrial.stats.review.preference import TIE, count_wins, win_rate, with_equal_pairs
from fairtrial.stats.review.preference_model import Judgements, Ratings

AMONG: Population = "among these reviewers"
GENERAL: Population = "in general"
WORTH: dict[Preference, float] = {"candidate": 1.0, "baseline": 0.0, "tie": TIE, "both_bad": TIE}
"""What a vote adds to the win rate; "can't judge" adds nothing."""

LOWEST, HIGHEST = 1.0, 5.0
SPAN = HIGHEST - LOWEST


class Votes:
    """The votes of some queues as columns; a vote weighs 1 / (its case's expected number of draws), if these differ.

    ``population``: to whom the figures generalise. By default that is reviewers in general if six or more voted, with
    each reviewer as a cluster. Otherwise it is these reviewers only. Drawn pairs with
    equal answers are ties in every win rate of all reviewers. They count neither as judged pairs nor for agreement.
    """

    def __init__(self, queues: Sequence[ReviewedQueue], population: Population = "") -> None:
        self._queues, self.population = queues, population
        self._agreements: dict[str, MetricAgreement] = {}
        self._chances = chances = _chances(queues)
        self._votes = [(vote, chances[_population(queue)], queue.suite) for queue in queues for vote in queue.votes]
        self._equal = len({round(chance, 9) for _, chance, _ in self._votes}) <= 1

    @property
    def n(self) -> int:
        return len(self._votes)

    @property
    def pairs(self) -> int:
        return len({vote.item_id for vote, _, _ in self._votes})

    @property
    def equal(self) -> int:
        """The number of drawn pairs with equal answers, which nobody judges."""
        return sum(len(queue.equal) for queue in self._queues)

    @property
    def drawn(self) -> str:
        """How many pairs were drawn, with those that are equal."""
        return drawn_pairs(sum(queue.items for queue in self._queues), self.equal)

    @property
    def people(self) -> int:
        return len({vote.reviewer for vote, _, _ in self._votes})

    def reviewers(self, metric: str) -> int:
        """The number of reviewers who gave a value for this metric."""
        return len(set(self._of(metric).people))

    def in_general(self, metric: str) -> bool:
        """Whether the figures of this metric generalise to reviewers in general."""
        return self._generalises(self.reviewers(metric))

    def agreement(self, metric: str) -> MetricAgreement:
        """The agreement of the reviewers on this metric, computed once."""
        if metric not in self._agreements:
            self._agreements[metric] = agreement_of(self._queues, metric)
        return self._agreements[metric]

    def _generalises(self, people: int) -> bool:
        return self.population != AMONG and people >= IN_GENERAL

    def _of(self, metric: str) -> "_Columns":
        if metric == PREFERENCE:
            return self._columns([WORTH.get(vote.preference) for vote, _, _ in self._votes])
        dimension = next(name for name in DIMENSIONS if metric == f"review.{name}")
        return self._columns([_mark(vote, "candidate", dimension) for vote, _, _ in self._votes])

    def _too_few(self, of: "_Columns") -> NotEnough | None:
        """Why figures for reviewers in general cannot be estimated, if a line requires them."""
        people = len(set(of.people))
        if self.population != GENERAL or self._generalises(people) or not of.n:
            return None
        who = "one reviewer" if people == 1 else f"{people} reviewers"
        more = counted(IN_GENERAL - people, "more reviewer")
        needed = f"{more}, or '{AMONG}' in the line, which then speaks of these people only"
        return NotEnough(f"{who} cannot represent reviewers in general", needed, of.n)

    @property
    def counts(self) -> dict[Preference, int]:
        return dict(Counter(vote.preference for vote, _, _ in self._votes))

    def preference(self, level: float = ONE_SIDED_95) -> Comparison:
        """The win rate against one half, which equal models would have."""
        columns = self._of(PREFERENCE)
        rate = self._too_few(columns) or win_rate(
            columns.values,
            columns.items,
            columns.people,
            weights=columns.weights,
            general=self.population != AMONG,
            level=level,
        )
        rate = self._with_equal_pairs(rate, columns)
        won, lost = count_wins(columns.values)
        if isinstance(rate, NotEnough):
            return Comparison(PREFERENCE, "", None, TIE, rate, "cannot tell", won, lost, columns.n)
        gap = replace(rate, value=rate.value - TIE, low=rate.low - TIE, high=rate.high - TIE)
        return Comparison(PREFERENCE, "", rate.value, TIE, gap, _answer(gap), won, lost, columns.n)

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
            weights=columns.weights,
        )

    def bias(self, level: float = ONE_SIDED_95) -> ReviewBias:
        """The position and length bias of the win rate."""
        names = {vote.reviewer: vote.name for vote, _, _ in self._votes}
        each = ((reviewer, self.judgements(reviewer)) for reviewer in names)
        bias = estimate_bias(self.judgements(), each, names, level=level)
        if bias.model is None:
            return bias
        model, rate = bias.model, partial(self._with_equal_pairs, columns=self._of(PREFERENCE))
        rates = rate(model.raw), rate(model.position_adjusted), rate(model.length_adjusted)
        model = replace(model, raw=rates[0], position_adjusted=rates[1], length_adjusted=rates[2])
        return ReviewBias(model=model, leanings=bias.leanings)

    def _with_equal_pairs(self, rate: Estimate | NotEnough, columns: "_Columns") -> Estimate | NotEnough:
        """The win rate over all drawn pairs, in which each suite has the weight that its votes have."""
        if isinstance(rate, NotEnough) or not self.equal:
            return rate
        votes, judged, equal = Counter[_Cases](), Counter[_Cases](), Counter[_Cases]()
        for queue in self._queues:
            cases = _population(queue)
            votes[cases] += sum(vote.preference in WORTH for vote in queue.votes)
            judged[cases] += queue.items
            equal[cases] += len(queue.equal)
        weights = {cases: number / self._chances[cases] for cases, number in votes.items() if number}
        ties = sum(weight * equal[cases] / judged[cases] for cases, weight in weights.items())
        clusters = {f"{queue.suite}:{cluster}" for queue in self._queues for cluster in queue.equal}
        share = ties / (ties + sum(weights.values()))
        return with_equal_pairs(rate, share, len(clusters.union(columns.items)))

    def level(
        self, dimension: Dimension, arm: Arm = "candidate", *, level: float = TWO_SIDED_95
    ) -> Estimate | NotEnough:
        """The mean rating with its two-sided interval, within 1 to 5."""
        estimate = self._mean([_mark(vote, arm, dimension) for vote, _, _ in self._votes], level)
        if isinstance(estimate, NotEnough):
            return estimate
        return replace(estimate, low=max(LOWEST, estimate.low), high=min(HIGHEST, estimate.high))

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
        return Comparison(f"review.{dimension}", "", new, old, gap, _answer(gap), n=len(both))

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
            general=self.population != AMONG,
            level=level,
        )

    def _columns(self, values: Sequence[float | None], reviewer: str | None = None) -> "_Columns":
        """The votes that have a value, of all reviewers or of one."""
        rows = [
            (value, *rest)
            for value, rest in zip(values, self._votes, strict=True)
            if value is not None and reviewer in (None, rest[0].reviewer)
        ]
        return _Columns(
            np.array([value for value, *_ in rows], dtype=np.float64),
            [f"{suite}:{vote.cluster}" for _, vote, _, suite in rows],
            [vote.reviewer for _, vote, _, _ in rows],
            [vote for _, vote, _, _ in rows],
            weights=None if self._equal else np.array([1 / chance for _, _, chance, _ in rows]),
        )


@dataclass(frozen=True, slots=True)
class _Columns(Ratings):
    votes: list[Vote]


_Cases = tuple[str, str]
"""A suite and its digest."""


def _population(queue: ReviewedQueue) -> _Cases:
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


def _answer(gap: Estimate | NotEnough) -> Answer:
    if isinstance(gap, NotEnough):
        return "cannot tell"
    return "better" if gap.low > 0 else "worse" if gap.high < 0 else "cannot tell"

"""The win rate adjusted for position and answer length, by a fractional logistic regression."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy  # its `stats` and `special` load at their first use, because they are slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_MODEL_ITEMS
from fairtrial.domain.review import PreferenceModel
from fairtrial.stats.arguments import Floats
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.paired.clustered import finite
from fairtrial.stats.review.crossed import FEWEST, NO_SPREAD, Clusters, weights_of
from fairtrial.stats.review.preference import count_wins, require_votes, win_rate

__all__ = ["Judgements", "Ratings", "fractional_logit", "preference_model"]

LOOKS = 50
CLOSE = 1e-10
BEYOND = 10.0
"""Log odds of 22,000 to 1. No realistic number of votes shows such a coefficient, so the fit is diverging."""


@dataclass(frozen=True, slots=True)
class Ratings:
    """Values that people gave to items, as columns with one entry for each vote.

    ``weights`` are 1/π, or ``None`` if every item had the same probability.

    >>> Ratings(np.array([1.0, 0.5]), ["a", "b"], ["ann", "bob"]).n
    2
    """

    values: Floats
    items: Sequence[str]
    people: Sequence[str]
    weights: Floats | None = field(default=None, kw_only=True)

    @property
    def n(self) -> int:
        """How many votes there are."""
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Judgements(Ratings):
    """Blind votes as columns, without "can't judge".

    ``values`` are 1 for the candidate, 0 for the baseline, ½ for a tie or both bad. ``candidate_first`` says whether
    the candidate was shown on the left, or first. ``longer`` is by how much its answer is longer, in any unit, or
    ``None`` if unknown. Raises `ValueError` for columns that can't belong to the same votes.

    >>> Judgements(np.array([1.0, 0.5]), ["a", "b"], ["ann", "ann"], np.array([True, False])).n
    2
    """

    candidate_first: NDArray[np.bool_]
    longer: Floats | None = None

    def __post_init__(self) -> None:
        columns = (self.items, self.people, self.candidate_first, self.longer, self.weights)
        if any(column is not None and len(column) != self.n for column in columns):
            raise ValueError(f"each column needs one entry for each of {self.n} votes")
        require_votes(self.values)
        for column in (self.longer, self.weights):
            if column is not None:
                finite(column)


def preference_model(votes: Judgements, *, level: float = 0.90) -> PreferenceModel:
    """The win rate: raw, adjusted for position, and adjusted for position and length, each with its interval.

    The model is logit P(candidate) = θ + d · (±1: + if it was shown first) + φ · tanh(Δlength / sd). The adjusted win
    rate is 1/(1 + exp(−θ)), and its interval is that of θ. The interval has a t quantile and standard errors clustered
    by pair, and by person for three people or more. ``level`` is that of all intervals; the default 0.90 has one-sided
    95 % bounds. The adjusted rates are `NotEnough` below thirty pairs, if the candidate always stood on one side, or if
    the votes are separated. The length-adjusted rate is also `NotEnough` if lengths are unknown or always differ by the
    same amount. The raw rate is the requested result; the others show how much of it is due to position and length.

    Source: Dubois, Galambosi, Liang & Hashimoto (2024), arXiv:2404.04475, with a term for position instead of that for
    the instruction's difficulty. The variance is as in `crossed_mean`; theirs omits that of the coefficients. The exact
    p is from Fisher (1935), J. Royal Statistical Society 98.

    >>> first = np.array([True, False] * 40)
    >>> liked = np.array([1.0] * 40 + [0.0, 1.0, 0.0, 0.0] * 10)
    >>> found = preference_model(Judgements(liked, [str(i) for i in range(80)], ["ann"] * 80, first))
    >>> print(found.position_adjusted)
    0.634 (0.5361 to 0.7219; 90 %, n = 80, win rate adjusted for position, fractional logit clustered by pair)
    """
    raw = win_rate(votes.values, votes.items, votes.people, weights=votes.weights, level=level)
    groups, sides = Clusters.of(votes.items, votes.people), np.where(votes.candidate_first, 1.0, -1.0)
    by_side = _fit(votes, [sides], groups)
    spread = _spread(votes)
    by_length = spread if isinstance(spread, NotEnough) else _fit(votes, [sides, np.tanh(spread)], groups)
    position, length = _coefficient(by_side, 1), _coefficient(by_length, 2)
    p, pull = _exact(votes) if isinstance(position, NotEnough) else (p_of(position), position.value)
    return PreferenceModel(
        raw,
        _rate(_coefficient(by_side, 0), "position", level),
        _rate(_coefficient(by_length, 0), "position and length", level),
        fixed(position, level=level),
        p,
        fixed(length, level=level),
        None if isinstance(length, NotEnough) else p_of(length),
        None if pull == 0 else pull > 0,
        *count_wins(np.where(votes.candidate_first, votes.values, 1 - votes.values)),
    )


def _exact(votes: Judgements) -> tuple[float | None, float]:
    """The p-value of Fisher's exact test of "position does not matter", without ties, and the effect's sign."""
    won, lost = count_wins(votes.values[votes.candidate_first])
    won_second, lost_second = count_wins(votes.values[~votes.candidate_first])
    table = np.array([[won, lost], [won_second, lost_second]])
    separable = table.sum(axis=0).all() and table.sum(axis=1).all()
    return float(scipy.stats.fisher_exact(table).pvalue) if separable else None, won * lost_second - lost * won_second


def _fit(votes: Judgements, columns: Sequence[Floats], groups: Clusters) -> tuple[Effect, ...] | NotEnough:
    if groups.items < MIN_MODEL_ITEMS:
        reason = f"{groups.items} judged pairs are too few to adjust for anything"
        return NotEnough(reason, f"{MIN_MODEL_ITEMS - groups.items} more judged pairs", votes.n)
    return fractional_logit(votes.values, columns, groups, weights=votes.weights)


def _spread(votes: Judgements) -> Floats | NotEnough:
    """The length differences in standard deviations."""
    if votes.longer is None:
        return NotEnough("the answers' lengths are not known", "the answers", votes.n)
    sd = float(np.std(votes.longer, ddof=1)) if votes.n > 1 else 0.0
    if not sd > 0:
        return NotEnough("the answers' lengths always differ by the same", "answers of other lengths", votes.n)
    return votes.longer / sd


def _coefficient(fit: tuple[Effect, ...] | NotEnough, which: int) -> Effect | NotEnough:
    return fit if isinstance(fit, NotEnough) else fit[which]


def _rate(theta: Effect | NotEnough, what: str, level: float) -> Estimate | NotEnough:
    """The win rate for given log odds."""
    rate = fixed(theta, level=level)
    if isinstance(rate, NotEnough):
        return rate
    value, low, high = (float(scipy.special.expit(logit)) for logit in (rate.value, rate.low, rate.high))
    return replace(rate, value=value, low=low, high=high, method=f"win rate adjusted for {what}, {rate.method}")


def fractional_logit(
    values: Floats, columns: Sequence[Floats], groups: Clusters, *, weights: Floats | None = None
) -> tuple[Effect, ...] | NotEnough:
    """The coefficients of logit E(value) = β₀ + Σ βₖ columnₖ, in log odds: β₀ first, then one for each column.

    ``values`` lie in [0, 1], and a tie is ½ (quasi-likelihood). ``values``, ``columns`` and ``weights`` (1/π) have one
    entry for each vote. The variance is the sandwich variance, clustered as in `crossed_mean`. Returns `NotEnough` if
    the columns are collinear: one is constant, or a combination of others. It also does so if the votes are separated.
    Then a combination of columns splits the votes for one side from those for the other, and a coefficient diverges.
    The other cases are votes without spread, and fewer than two items. Raises `ValueError` for columns that can't
    belong to the same votes.

    Source: Papke & Wooldridge (1996), J. Appl. Econometrics 11:619-632, for shares; Albert & Anderson (1984),
    Biometrika 71:1-10, for separation; Liang & Zeger (1986), Biometrika 73:13-22, for the variance.

    >>> votes, side = np.array([1.0] * 6 + [0.0] * 4), np.array([1.0, -1.0] * 5)
    >>> level, slope = fractional_logit(votes, [side], Clusters.of(list("abcdefghij"), ["ann"] * 10))
    >>> round(level.value, 4), round(slope.value, 4)
    (0.4055, 0.0)
    """
    values, shares = finite(values), weights_of(len(values), groups, weights)
    if any(len(column) != len(values) for column in columns) or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"each of {len(values)} votes must be worth 0 to 1 and have one entry in each column")
    if not len(values):
        return NotEnough("there is no vote", "votes")
    if groups.items < FEWEST:
        return NotEnough("one judged pair can't show how much pairs vary", "more judged pairs", len(values))
    design = np.column_stack([np.ones(len(values)), *(finite(column) for column in columns)])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return NotEnough("the votes can't tell the causes apart", "votes in which they differ", len(values))
    shares = shares / shares.mean()
    solved = _newton(design, values, shares)
    if solved is None:
        return NotEnough("the votes are separated: a cause explains all of them", "more votes", len(values))
    beta, inverse = solved
    influence = (shares * (values - scipy.special.expit(design @ beta)))[:, None] * (design @ inverse)
    variances = [groups.variance(influence[:, k]) for k in range(len(beta))]
    if min(variances) <= NO_SPREAD:
        return NotEnough("the votes show no spread", "votes that differ", len(values))
    method = f"fractional logit clustered by {'pair and reviewer' if groups.two_way else 'pair'}"
    return tuple(
        Effect(float(value), variance, len(values), method, freedom=groups.freedom)
        for value, variance in zip(beta, variances, strict=True)
    )


def p_of(effect: Effect) -> float:
    """The two-sided p-value of "the coefficient is 0", for a single look."""
    return 2 * float(scipy.special.stdtr(effect.freedom, -abs(effect.value) / effect.variance**0.5))


def _newton(design: Floats, values: Floats, shares: Floats) -> tuple[Floats, Floats] | None:
    """The coefficients and the inverse of their information, or ``None`` if they diverge."""
    beta = np.zeros(design.shape[1])
    for _ in range(LOOKS):
        fitted = scipy.special.expit(design @ beta)
        information = (design * (shares * fitted * (1 - fitted))[:, None]).T @ design
        inverse = np.linalg.inv(information)
        step = inverse @ (design.T @ (shares * (values - fitted)))
        beta = beta + step
        if np.abs(beta).max() > BEYOND:
            return None
        if np.abs(step).max() < CLOSE:
            return beta, inverse
    return None

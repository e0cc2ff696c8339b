"""How often a model is preferred for what it says: the win rate without the pull of the place and of the length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import fisher_exact

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.paired.clustered import Floats, finite
from fairtrial.stats.review.crossed import Clusters
from fairtrial.stats.review.logit import fitted, p_of
from fairtrial.stats.review.preference import decided, require_votes, win_rate

__all__ = ["Judgements", "PreferenceModel", "preference_model"]

MIN_ITEMS = 30
"""Below this many judged pairs the coefficients' standard errors are too small and nothing is adjusted."""

ALARM_SIZE = 0.2
ALARM_P = 0.01


@dataclass(frozen=True, slots=True)
class Judgements:
    """Blind votes as columns, one entry for each vote; can't judge is left out before.

    ``values``: 1 for the candidate, 0 for the baseline, ½ for a tie or both bad; ``candidate_first``: whether it was
    shown on the left, or first; ``longer``: by how much its answer is the longer one, in any unit, ``None`` if it is
    not known; ``weights``: 1/π, ``None`` where every pair had the same chance. Raises `ValueError` for columns that
    can't be those of the same votes.

    >>> Judgements(np.array([1.0, 0.5]), ["a", "b"], ["ann", "ann"], np.array([True, False])).n
    2
    """

    values: Floats
    items: Sequence[str]
    people: Sequence[str]
    candidate_first: NDArray[np.bool_]
    longer: Floats | None = None
    weights: Floats | None = None

    def __post_init__(self) -> None:
        columns = (self.items, self.people, self.candidate_first, self.longer, self.weights)
        if any(column is not None and len(column) != self.n for column in columns):
            raise ValueError(f"each column needs one entry for each of {self.n} votes")
        require_votes(self.values)
        for column in (self.longer, self.weights):
            if column is not None:
                finite(column)

    @property
    def n(self) -> int:
        """How many votes there are."""
        return len(self.values)


@dataclass(frozen=True, slots=True)
class PreferenceModel:
    """The raw win rate with the adjusted ones beside it, and what they were adjusted for.

    ``raw``, ``position_adjusted`` (as if each model had stood on either side) and ``length_adjusted`` (that, and as
    if both answers were equally long) are win rates in [0, 1]. ``position`` is the pull of the left, or first, answer
    in log odds, above 0 if it is preferred; ``length`` that of the longer answer, by tanh(difference / its standard
    deviation). What can't be told is `NotEnough`, and its p ``None``. ``position_p`` is two-sided, of the coefficient
    or, where there is none, of Fisher's exact test: whoever always prefers the left answer has no finite coefficient.
    ``pulls_to_first`` says where to, ``None`` if nothing does; ``firsts`` and ``seconds`` count the votes for either
    place, ties being for neither.

    >>> few = NotEnough("3 judged pairs are too few", "27 more judged pairs", 3)
    >>> PreferenceModel(few, few, few, few, None, few, None, None, 2, 1).position_biased
    False
    """

    raw: Estimate | NotEnough
    position_adjusted: Estimate | NotEnough
    length_adjusted: Estimate | NotEnough
    position: Estimate | NotEnough
    position_p: float | None
    length: Estimate | NotEnough
    length_p: float | None
    pulls_to_first: bool | None
    firsts: int
    seconds: int

    @property
    def position_biased(self) -> bool:
        """The alarm: p < 0.01 for a pull of more than 0.2 in log odds (5 points at an even 50 %), or an endless one."""
        if self.position_p is None or self.position_p >= ALARM_P:
            return False
        return isinstance(self.position, NotEnough) or abs(self.position.value) > ALARM_SIZE


def preference_model(votes: Judgements, *, level: float = 0.90) -> PreferenceModel:
    """The win rate raw, adjusted for position, and adjusted for position and length, each with its interval.

    logit P(candidate) = θ + d · (±1: + where it was shown first) + φ · tanh(Δlength / sd); the adjusted win rate is
    1/(1 + exp(−θ)), its interval that of θ with a t quantile and standard errors clustered by pair, and by person
    from three people on. ``level`` is that of all intervals; the default 0.90 has one-sided 95 % bounds. The adjusted
    rates are `NotEnough` below thirty pairs, where the candidate always stood on one side, or where the votes are
    separated; the length-adjusted one also where lengths are unknown or always differ by the same. The raw rate is
    what was asked for; the others show what it owes to the place and the length.

    Source: Dubois, Galambosi, Liang & Hashimoto (2024), arXiv:2404.04475, without the term for the instruction's
    difficulty and with the position's; the variance as `crossed_mean`, where theirs leaves out that of the
    coefficients; Fisher (1935), J. Royal Statistical Society 98, for the exact p.

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
        *decided(np.where(votes.candidate_first, votes.values, 1 - votes.values)),
    )


def _exact(votes: Judgements) -> tuple[float | None, float]:
    """The p of "the side is irrelevant" by Fisher's exact test of the votes that are no ties, and the pull's sign."""
    won, lost = decided(votes.values[votes.candidate_first])
    won_second, lost_second = decided(votes.values[~votes.candidate_first])
    table = np.array([[won, lost], [won_second, lost_second]])
    told = table.sum(axis=0).all() and table.sum(axis=1).all()
    return float(fisher_exact(table).pvalue) if told else None, won * lost_second - lost * won_second


def _fit(votes: Judgements, columns: Sequence[Floats], groups: Clusters) -> tuple[Effect, ...] | NotEnough:
    if groups.items < MIN_ITEMS:
        reason = f"{groups.items} judged pairs are too few to adjust for anything"
        return NotEnough(reason, f"{MIN_ITEMS - groups.items} more judged pairs", votes.n)
    return fitted(votes.values, columns, groups, weights=votes.weights)


def _spread(votes: Judgements) -> Floats | NotEnough:
    """The differences of length in standard deviations."""
    if votes.longer is None:
        return NotEnough("the answers' lengths are not known", "the answers", votes.n)
    sd = float(np.std(votes.longer, ddof=1)) if votes.n > 1 else 0.0
    if not sd > 0:
        return NotEnough("the answers' lengths always differ by the same", "answers of other lengths", votes.n)
    return votes.longer / sd


def _coefficient(fit: tuple[Effect, ...] | NotEnough, which: int) -> Effect | NotEnough:
    return fit if isinstance(fit, NotEnough) else fit[which]


def _rate(theta: Effect | NotEnough, what: str, level: float) -> Estimate | NotEnough:
    """Log odds as a win rate."""
    found = fixed(theta, level=level)
    if isinstance(found, NotEnough):
        return found
    value, low, high = (float(expit(one)) for one in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high, method=f"win rate adjusted for {what}, {found.method}")

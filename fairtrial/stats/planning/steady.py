"""How often a steady effect passes by the end of each week, although an effect that seems to fade is held."""

from dataclasses import replace
from functools import lru_cache
from math import inf, sqrt

import numpy as np

from fairtrial.stats.always_valid import half_width
from fairtrial.stats.arguments import AnyFloats
from fairtrial.stats.effects import AHEAD, LEAST
from fairtrial.stats.planning.normal_sizes import first_look, planned_bounds, variances
from fairtrial.stats.planning.question import Design, Question

__all__ = ["passing", "passing_share"]

TRIALS, SEED = 10_000, 20261202
DAYS = 7


def passing(question: Question, design: Design) -> tuple[float, ...]:
    """The `passing_share` of a question that is to become better, by its normal effect in this design; otherwise ones.

    Source: as `passing_share`.

    >>> design = Design(per_week=4000, weeks=5, mode="planned")
    >>> [round(share, 2) for share in passing(Question("resolved", "superior", 0.62, 0.03), design)]
    [1.0, 0.79, 0.92, 0.97, 0.99]
    """
    if question.kind != "superior":
        return (1.0,) * design.weeks
    lag = round(question.window_days)
    design = replace(design, lag=question.window_days / DAYS)
    variance, unseen = variances(question, design)
    daily = design.per_week / DAYS
    counted = [daily * (day - lag) for day in range(1, DAYS * design.weeks + 1)]
    bounds = dict.fromkeys(range(len(counted)), inf)
    if design.mode == "monitor":
        for day, units in enumerate(counted):
            if units >= first_look(design):
                v = variance / units + unseen / units**2
                half = half_width(v, tau=question.tau or question.effect, alpha=design.alpha)
                bounds[day] = half * sqrt(units / variance)
    else:
        looks, limits = planned_bounds(question, design)
        for units, limit in zip(looks, limits, strict=True):
            bounds[DAYS * round(units / design.per_week + design.lag) - 1] = limit
    strength = question.effect * sqrt(daily / variance)
    return passing_share(strength, tuple(bounds.values()), lag)


@lru_cache(maxsize=512)
def passing_share(strength: float, bounds: tuple[float, ...], lag: int) -> tuple[float, ...]:
    """The share of the trials decided by the end of each week that have passed by then, too.

    ``strength``: a day's effect as a multiple of its standard error. ``bounds``: of Z at the end of each day, ∞ where
    there is no look. ``lag``: days until a unit counts. A decision passes at the end of a week in which the effect does
    not seem to fade. Then the last week is not below 0, and neither is the line through the weeks two weeks ahead. The
    trials are simulated, and the same numbers give the same shares.

    Source: Draper & Smith (1998), the prediction by a line.

    >>> [round(share, 2) for share in passing_share(0.45, (2.0,) * 42, 0)]
    [1.0, 0.95, 0.98, 0.99, 1.0, 1.0]
    """
    days = len(bounds)
    daily = np.random.default_rng(SEED).standard_normal((TRIALS, days), dtype=np.float32) + strength
    weekly = daily[:, : days - days % DAYS].reshape(TRIALS, -1, DAYS).sum(axis=2)
    counted = np.maximum(np.arange(1, days + 1) - lag, 0)
    sums = np.concatenate((np.zeros((TRIALS, 1), np.float32), daily.cumsum(axis=1)), axis=1)[:, counted]
    over = sums >= np.asarray(bounds) * np.sqrt(np.maximum(counted, 1))
    decided = np.maximum.accumulate(over & (counted > 0), axis=1)[:, DAYS - 1 :: DAYS]
    passed, shares = np.zeros(TRIALS, np.bool_), []
    for week in range(1, weekly.shape[1] + 1):
        passed |= decided[:, week - 1] & ~_seems_to_fade(weekly[:, :week])
        shares.append(float(passed.sum() / max(1, decided[:, week - 1].sum())))
    return tuple(shares)


def _seems_to_fade(weeks: AnyFloats) -> np.typing.NDArray[np.bool_]:
    """Whether each trial is held at the end of these weeks; too few show nothing."""
    number = weeks.shape[1]
    if number < LEAST:
        return np.zeros(len(weeks), np.bool_)
    centred = np.arange(number) - (number - 1) / 2
    slope = weeks @ centred / (centred @ centred)
    held: np.typing.NDArray[np.bool_] = (weeks[:, -1] < 0) | (weeks.mean(axis=1) + slope * (centred[-1] + AHEAD) < 0)
    return held

"""The course of a trial by each unit's share of bad requests: when it decides, and when a harm pauses it."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, log

import numpy as np

from fairtrial.domain.promises import HARM_POWER
from fairtrial.stats.arguments import Floats
from fairtrial.stats.e_values import EValue
from fairtrial.stats.planning.question import Course
from fairtrial.stats.sequential.conversions import stopping_evidence
from fairtrial.stats.sequential.unit_shares import BINS, ShareTest

__all__ = ["ShareRule", "kill_course", "pause_course", "restarted_units", "share_course"]

TRIALS = 1_000
STEP = 0.03
"""Looks are made whenever the units have grown by this share."""
FEWEST = 20
SEED = 7

FEW, STOP_STEP = 2, 0.02
"""Looks are made whenever the units have grown by so many, or by this share."""
STOP_SEED = 11


@dataclass(frozen=True, slots=True)
class ShareRule:
    """The test that must succeed, and its error α.

    >>> ShareRule(ShareTest("safe", margin=0.01), alpha=0.05).alpha
    0.05
    """

    test: ShareTest
    alpha: float = 0.05


@lru_cache(maxsize=64)
def share_course(rule: ShareRule, *, control: float, treatment: float, units: float) -> Course:
    """The course of a trial whose units have one request each, of which these shares are bad, up to so many units.

    Units with more requests vary less in their shares, so they decide sooner. The looks are those of simulated trials,
    of which each makes one whenever its units have grown by three percent; the same numbers give the same course. The
    standard error of its power is at most 1.6 points. Raises `ValueError` for impossible rates or units.

    Source: as `share_evidence`, whose test is made at each look.

    >>> course = share_course(ShareRule(ShareTest("safe", margin=0.01)), control=0.005, treatment=0.005, units=6_000)
    >>> 0.9 < course.power[-1] < 1.0
    True
    """
    if not (0 <= control < 1 and 0 <= treatment < 1 and units > 0):
        raise ValueError(f"rates of {control} and {treatment} in {units} units can't be planned for")
    share, least = rule.test.share, -log(rule.alpha)
    looks = _looks(units)
    rng = np.random.default_rng(SEED)
    bad = [np.zeros(TRIALS), np.zeros(TRIALS)]
    running, power, stops, before = np.zeros(TRIALS), [], np.full(TRIALS, float(looks[-1])), [0, 0]
    open_ = np.ones(TRIALS, np.bool_)
    for look in looks:
        arms = round(look * (1 - share)), round(look * share)
        for number, (now, rate) in enumerate(zip(arms, (control, treatment), strict=True)):
            bad[number] += rng.binomial(now - before[number], rate, TRIALS)
        before = list(arms)
        running = share_log_e(rule.test, arms, (bad[0], bad[1]))
        stops[open_ & (running >= least)] = look
        open_ &= running < least
        power.append(1 - float(open_.mean()))
    return Course(tuple(float(size) for size in looks), tuple(power), mean_stop=float(stops.mean()))


def _looks(units: float, *, first: int = FEWEST, least: int = 1, share: float = STEP) -> list[int]:
    """The units at each look, up to the last: from the first, ``least`` more at least, or this share more."""
    last, looks = ceil(units), [min(first, ceil(units))]
    while looks[-1] < last:
        looks.append(min(last, max(looks[-1] + least, ceil(looks[-1] * (1 + share)))))
    return looks


def share_log_e(test: ShareTest, units: tuple[Floats | int, Floats | int], bad: tuple[Floats, Floats]) -> Floats:
    """The evidence where each unit is wholly good or wholly bad, which needs two of the bins."""
    control, treatment = test.gains()
    won = sum(
        (np.outer(number - some, gains[0]) + np.outer(some, gains[BINS - 1]))
        for number, some, gains in zip(units, bad, (control, treatment), strict=True)
    )
    most = np.asarray(won).max(axis=-1)
    log_e: Floats = most + np.log(np.exp(won - most[:, None]).mean(axis=-1))
    return log_e


@lru_cache(maxsize=64)
def restarted_units(
    rule: ShareRule, *, control: float, treatment: float, per_week: float, days: float, power: float = HARM_POWER
) -> float | None:
    """The units after which a harm is proven with this power, on whichever day of a period of so many days it begins.

    The evidence begins anew in each week, and its error α is halved with each. A unit counts once a week, with one
    request. The last week has the strictest α, so the harm begins there, on each of its days, and the weeks go on
    after the period. ``None`` if it takes more units than the period has. The same numbers give the same units.

    Source: as `share_evidence`, whose test is made at each look; the weeks are tested at α/2, α/4, … (Bonferroni).

    >>> rule = ShareRule(ShareTest("harm", margin=0.01, share=0.8), alpha=0.05)
    >>> restarted_units(rule, control=0.01, treatment=0.05, per_week=2_000, days=14) is None
    True
    >>> 8_000 < restarted_units(rule, control=0.01, treatment=0.05, per_week=10_000, days=14) < 10_000
    True
    """
    needed = 0.0
    for day in range(7):
        begins = _restarted(rule, (control, treatment), per_week, (ceil(days / 7), day / 7), power, per_week * days / 7)
        if begins is None:
            return None
        needed = max(needed, begins)
    return needed


def _restarted(
    rule: ShareRule, rates: tuple[float, float], per_week: float, begins: tuple[int, float], power: float, most: float
) -> float | None:
    """As `restarted_units`, for a harm that ``begins`` at this share of this week."""
    (week, part), rng = begins, np.random.default_rng(SEED)
    open_, before, healthy = np.ones(TRIALS, np.bool_), 0.0, round(per_week * part)
    while before < most and healthy < per_week:
        arms, bad, last = np.zeros((2, TRIALS)), np.zeros((2, TRIALS)), 0
        for look in sorted({*_looks(per_week), healthy} - {0}):
            treated = rng.binomial(look - last, rule.test.share, TRIALS)
            harmful = rates[1] if last >= healthy else rates[0]
            for arm, (more, rate) in enumerate(((look - last - treated, rates[0]), (treated, harmful))):
                arms[arm] += more
                bad[arm] += rng.binomial(more, rate)
            last = look
            if look <= healthy:
                continue
            open_ &= share_log_e(rule.test, (arms[0], arms[1]), (bad[0], bad[1])) < week * log(2) - log(rule.alpha)
            if before + look - healthy > most:
                return None
            if 1 - open_.mean() >= power:
                return before + look - healthy
        before, healthy, week = before + per_week - healthy, 0, week + 1
    return None


@lru_cache(maxsize=64)
def pause_course(*, control: float, treatment: float, units: float, share: float = 0.5, alpha: float = 0.05) -> Course:
    """The course until a decline of a rate pauses, with one request a unit, up to so many units in both arms.

    The evidence is the mean of two e-values: by units with a bad request, and by each unit's share of bad requests.
    The looks are those of simulated trials; the same numbers give the same course. Raises `ValueError` for impossible
    rates or units.

    Source: as `conversion_harm` and `share_evidence`, whose e-values it follows.

    >>> course = pause_course(control=0.01, treatment=0.05, units=4_000)
    >>> 300 < course.mean_stop / 2 < 335
    True
    """
    if not (0 <= control < 1 and 0 <= treatment <= 1 and units > 0):
        raise ValueError(f"rates of {control} and {treatment} in {units} units can't be planned for")
    test, least, rng = ShareTest("harm", 0.0, share=share), -log(alpha), np.random.default_rng(STOP_SEED)
    known: dict[tuple[int, int], float] = {}
    arms, bad = np.zeros((2, TRIALS)), np.zeros((2, TRIALS))
    looks = _looks(units, first=10, least=FEW, share=STOP_STEP)
    stops, open_, power, before = np.full(TRIALS, float(looks[-1])), np.ones(TRIALS, np.bool_), [], 0
    for look in looks:
        treated = rng.binomial(look - before, share, TRIALS)
        for number, (more, rate) in enumerate(((look - before - treated, control), (treated, treatment))):
            arms[number] += more
            bad[number] += rng.binomial(more, rate)
        before = look
        by_event = np.full(TRIALS, -inf)
        by_event[open_] = [_by_events(known, share, few, many) for few, many in bad[:, open_].T.astype(int).tolist()]
        log_e = np.logaddexp(share_log_e(test, (arms[0], arms[1]), (bad[0], bad[1])), by_event) - log(2)
        stops[open_ & (log_e >= least)] = look
        open_ &= log_e < least
        power.append(1 - float(open_.mean()))
        if not open_.any():
            looks = looks[: len(power)]
            break
    return Course(tuple(float(size) for size in looks), tuple(power), mean_stop=float(stops.mean()))


def kill_course(
    *,
    margin: float,
    control: float,
    treatment: float,
    units: float,
    share: float = 0.5,
    alpha: float = 0.05,
    relative: bool = False,
) -> Course:
    """The course until harm beyond the margin kills, as `pause_course`, if each pause before is resumed at once.

    ``relative``: the margin is a share of the control's rate.

    Source: as `share_evidence`, whose test is made at each look.

    >>> course = kill_course(margin=0.01, control=0.01, treatment=0.05, units=4_000)
    >>> 480 < course.mean_stop / 2 < 545
    True
    """
    rule = ShareRule(ShareTest("harm", margin, relative, share), alpha)
    return share_course(rule, control=control, treatment=treatment, units=units)


def _by_events(known: dict[tuple[int, int], float], share: float, control: int, treatment: int) -> float:
    if (control, treatment) not in known:
        evidence = stopping_evidence(control, treatment, lift=1.0, share=share)
        known[control, treatment] = evidence.log_e if isinstance(evidence, EValue) else -inf
    return known[control, treatment]

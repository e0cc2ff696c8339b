"""A permutation test for ratios with few users: reassigns the users to arms."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtrial.domain.estimates import NotEnough

__all__ = ["permute_units"]

Floats = NDArray[np.float64]
EXACT_TO = 20_000
"""With up to this many possible assignments, all are evaluated: 8 + 8 users have 12,870, 9 + 9 have 48,620."""
DEALS = 10_000
CELLS = 1_000_000
TIE = 1e-9


def permute_units(x: ArrayLike, y: ArrayLike, treated: ArrayLike, *, seed: int = 0) -> float | NotEnough:
    """The two-sided p-value of "both arms are alike" for Σx/Σy, from reassigning users to arms of the same sizes.

    ``x`` and ``y`` are the numerator and denominator of each user, with y > 0 (1 for a plain mean). ``treated`` says
    whether the user is in the treatment. Use it for one planned look with fewer than about thirty users in an arm. The
    statistic is the difference over its standard error, as in `ratio_difference`. Larger arms that differ only in
    spread are therefore not found too often. The p-value is exact for up to 20,000 possible assignments. Above that, it
    is (b + 1)/(10,000 + 1), where b of the 10,000 seeded assignments are at least as extreme. Returns `NotEnough` below
    two users in an arm, or where all have the same ratio.

    Source: Fisher (1935), The Design of Experiments; Chung & Romano (2013), Annals of Statistics 41:484-507, for the
    standard error; Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9(1), for the + 1.

    >>> p = permute_units([1, 2, 1, 0, 4, 5, 3, 6], [6, 7, 5, 6, 7, 6, 5, 8], [0, 0, 0, 0, 1, 1, 1, 1])
    >>> round(p, 4)
    0.0286
    """
    top, bottom = (np.asarray(one, dtype=np.float64).ravel() for one in (x, y))
    who = _treated(treated)
    if not len(top) == len(bottom) == len(who):
        raise ValueError(
            f"{len(top)} numerators, {len(bottom)} denominators and {len(who)} arms can't be matched by user"
        )
    if not (np.isfinite(top).all() and np.isfinite(bottom).all() and (bottom > 0).all()):
        raise ValueError("a user needs a finite numerator and a finite denominator above 0")
    users, ours = len(who), int(who.sum())
    if min(ours, users - ours) < 2:
        return NotEnough("so few users can't be reassigned", "2 users or more in each arm", users)
    if np.ptp(top / bottom) <= TIE * np.abs(top / bottom).max():
        return NotEnough("all users have the same ratio", "users that differ", users)
    columns = np.column_stack([top, bottom, top * top, bottom * bottom, top * bottom])
    seen = float(_statistics(who[None, :], columns)[0]) * (1 - TIE)
    if comb(users, ours) <= EXACT_TO:
        dealt = np.zeros((comb(users, ours), users), dtype=bool)
        for row, chosen in zip(dealt, combinations(range(users), ours), strict=True):
            row[list(chosen)] = True
        return float(np.mean(_statistics(dealt, columns) >= seen))
    return (1 + _as_far(who, columns, seen, seed)) / (DEALS + 1)


def _as_far(who: NDArray[np.bool_], columns: Floats, seen: float, seed: int) -> int:
    """How many sampled assignments are at least as extreme. They are evaluated in blocks to bound the memory."""
    rng, rows, found = np.random.default_rng(seed), max(1, CELLS // len(who)), 0
    for start in range(0, DEALS, rows):
        deals = rng.permuted(np.tile(who, (min(rows, DEALS - start), 1)), axis=1)
        found += int(np.count_nonzero(_statistics(deals, columns) >= seen))
    return found


def _treated(treated: ArrayLike) -> NDArray[np.bool_]:
    found = np.asarray(treated).ravel()
    if found.dtype.kind not in "biuf" or not np.isin(found, (0, 1)).all():
        raise ValueError("`treated` must be True or False, or 1 or 0, for each user")
    return found.astype(bool)


def _statistics(dealt: NDArray[np.bool_], columns: Floats) -> Floats:
    """|difference| / standard error for each row of ``dealt``, which marks the users in the treatment."""
    ours = dealt @ columns
    mine, theirs = _ratio(ours, dealt.sum(axis=1)), _ratio(columns.sum(axis=0) - ours, (~dealt).sum(axis=1))
    apart, variance = np.abs(mine[0] - theirs[0]), mine[1] + theirs[1]
    least = np.finfo(np.float64).tiny
    return np.where(apart > TIE * np.abs(theirs[0]), apart / np.sqrt(np.maximum(variance, least)), 0.0)


def _ratio(sums: Floats, users: NDArray[np.intp]) -> tuple[Floats, Floats]:
    x, y, xx, yy, xy = sums.T
    level = x / y
    return level, np.maximum(0.0, xx - 2 * level * xy + level**2 * yy) * users / (users - 1) / y**2

"""When a rate of requests is proven safe, and how often wrongly: the table of `STATISTICS.md` 2.7a, and heavy users."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from numpy.random import Generator

from benchmarks.decision_trials.populations import Group, Population, even, in_few
from benchmarks.decision_trials.rate_course import KILL, SAFE, VETO, firsts
from benchmarks.decision_trials.trial import Row, Trial, frozen, median_row, near, share

MARGIN = 0.01
TABLE = (
    (0.0, 547, (1.0, 1.0, 1.0)),
    (0.001, 547, (0.60, 0.99, 1.0)),
    (0.005, 946, (0.23, 0.76, 0.97)),
    (0.01, 1_551, (0.20, 0.48, 0.88)),
    (0.02, 3_021, (0.09, 0.23, 0.49)),
)
"""Errors in both arms, the median users an arm until safe, and the shares that are safe by 600, 1,500 and 3,000."""
USERS = (600, 1_500, 3_000)
PUBLISHED = 400
"""The trials behind a figure of the table; its standard error is that of so many."""
MEAN, BY_REQUEST = "mean over units of each unit's share", "request-weighted"
WRONG, VETOED = 3_000, 4_000
HEAVY = Group(0.02, 200, 0.01)
PLAN = frozen(primary=None)
UNEVEN = frozen(primary=None, split={"base": 90.0, "tuned": 10.0})


def _table(rng: Generator, trials: int) -> list[Row]:
    rows = []
    for errors, median, shares in TABLE:
        found = firsts(PLAN, (even(errors), even(errors)), rng, trials, 2 * 6_000, [SAFE])
        name = f"{MEAN}: {100 * errors:g} % errors in both arms"
        row = median_row(f"{name}, median users an arm until safe", found.units(SAFE) / 2)
        rows.append(near(row, median, error=row.error * sqrt(trials / PUBLISHED)))
        for users, known in zip(USERS, shares, strict=True):
            row = share(f"{name}, safe by {users:,} users an arm", found.within(SAFE, 2 * users))
            rows.append(near(row, known, error=sqrt(max(known * (1 - known), 0.0025) / PUBLISHED)))
    for what, arm in (("harm spread evenly", even(0.01, 60)), ("all of it in 2 % of users", in_few(0.0, 0.01, 60))):
        found = firsts(PLAN, (arm, arm), rng, trials, 2 * 3_000, [SAFE], growth=0.03)
        name = f"{MEAN}: 1 % errors in both arms, 60 requests a user, {what}"
        rows.append(median_row(f"{name}, median users an arm until safe", found.units(SAFE) / 2))
        rows += [share(f"{name}, safe by {users:,} users an arm", found.within(SAFE, 2 * users)) for users in USERS]
    return rows


def _wrong(rng: Generator, trials: int) -> list[Row]:
    few = Population.of(Group(0.98, 1, 0.01), Group(0.02, 200, 0.01))
    worse = Population.of(Group(0.98, 1, 0.01), Group(0.02, 200, 0.01 + MARGIN / 0.02))
    cases = (
        ("0 % errors, one request a user", PLAN, even(0.0), even(MARGIN)),
        ("1 % errors, one request a user", PLAN, even(0.01), even(0.01 + MARGIN)),
        ("5 % errors, one request a user", PLAN, even(0.05), even(0.05 + MARGIN)),
        ("1 % errors, 60 requests a user, harm spread evenly", PLAN, even(0.01, 60), even(0.01 + MARGIN, 60)),
        ("1 % errors, 60 requests a user, all harm in 2 % of users", PLAN, even(0.01, 60), in_few(0.01, MARGIN, 60)),
        ("1 % errors, all harm in 2 % of users with 200 requests", PLAN, few, worse),
        ("1 % errors, one request a user, split 90/10", UNEVEN, even(0.01), even(0.01 + MARGIN)),
        ("1 % errors, all harm in 2 % of users with 200 requests, split 90/10", UNEVEN, few, worse),
    )
    rows = []
    for what, plan, control, treatment in cases:
        at = treatment.mean_share - control.mean_share
        found = firsts(plan, (control, treatment), rng, trials, 2 * WRONG, [SAFE, KILL], growth=0.02)
        name = f"{MEAN}: {what}, at {100 * at:+.2f} points, by {WRONG:,} users an arm"
        rows += [
            share(f"{name}: wrongly safe", found.within(SAFE, 2 * WRONG), most=PLAN.alpha),
            share(f"{name}: wrongly killed", found.within(KILL, 2 * WRONG), most=PLAN.alpha_kill),
        ]
    return rows


def _equal(rng: Generator, trials: int) -> list[Row]:
    rows = []
    for what, plan in (("", PLAN), (", split 90/10", UNEVEN)):
        users = WRONG if not what else 10 * WRONG // 2
        found = firsts(plan, (even(0.01, 60), even(0.01, 60)), rng, trials, 2 * users, [SAFE, KILL], growth=0.03)
        name = f"{MEAN}: equal arms, 1 % errors, 60 requests a user{what}, by {2 * users:,} users"
        rows += [
            share(f"{name}: killed", found.within(KILL, 2 * users), most=0.0),
            share(f"{name}: safe", found.within(SAFE, 2 * users), least=1.0),
        ]
    return rows


def _veto(rng: Generator, trials: int) -> list[Row]:
    one, rest = Population.of(Group(0.98, 1, 0.01), HEAVY), Group(0.98, 1, 0.01)
    rows = []
    worse = Population.of(rest, Group(0.02, 200, 0.30))
    found = firsts(PLAN, (one, worse), rng, max(50, trials // 4), 2 * VETOED, [VETO, SAFE], growth=0.02)
    apart = f"{100 * (worse.by_request - one.by_request):.1f} points by request"
    apart += f" and {100 * (worse.mean_share - one.mean_share):.1f} by user"
    name = f"{BY_REQUEST}: 1 in 50 users with 200 requests, errors 1 → 30 % ({apart})"
    rows.append(share(f"{name}: vetoed by {VETOED:,} users an arm", found.within(VETO, 2 * VETOED), least=0.99))
    shipped = [safe < veto for safe, veto in zip(found.units(SAFE), found.units(VETO), strict=True)]
    rows.append(share(f"{name}: safe by user before the veto", shipped))
    rows.append(median_row(f"{name}: median users an arm until the veto", found.units(VETO) / 2))
    weight = 0.02 * PLAN.guardrails[0].cap / (0.98 + 0.02 * PLAN.guardrails[0].cap)  # type: ignore[operator]
    cases = (
        (
            "all harm in 1 of 50 users with 200 requests",
            one,
            Population.of(rest, Group(0.02, 200, 0.01 + MARGIN / weight)),
        ),
        ("one request a user", even(0.01), even(0.01 + MARGIN)),
        ("60 requests a user, all harm in 2 % of users", even(0.01, 60), in_few(0.01, MARGIN, 60)),
    )
    for what, control, treatment in cases:
        at = treatment.by_request - control.by_request
        found = firsts(PLAN, (control, treatment), rng, trials, 2 * WRONG, [VETO], growth=0.1)
        name = f"{BY_REQUEST}: {what}, at {100 * at:+.2f} points by request: wrongly vetoed"
        rows.append(share(name, found.within(VETO, 2 * WRONG), most=0.01))
    return rows


TRIALS: Sequence[Trial] = (
    Trial("safe-table", "How soon a rate is safe within one point", _table, 2_000, 300),
    Trial("safe-wrong", "Wrongly safe or killed at exactly one point more", _wrong, 2_000, 400),
    Trial("safe-equal", "Equal arms whose users send many requests", _equal, 500, 50),
    Trial("safe-veto", "Users with many requests, each request weighing the same", _veto, 2_000, 100),
)

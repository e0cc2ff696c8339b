"""Users who keep sending: a ratio by user, looked at after every request, and what counting requests would do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.trials import running
from benchmarks.trials.mixture import agree, excludes
from benchmarks.trials.running import Sums
from benchmarks.trials.trial import Bools, Floats, Measures, Target, Trial
from fairtrial.stats.arms.means import rate_difference
from fairtrial.stats.arms.ratios_and_quantiles import ratio_difference
from fairtrial.stats.sums import JointMoments, Successes

USERS, MEAN, KINSHIP, BUSY, BUSIER = 1_000, 0.62, 0.3, 8.0, 1.0
"""Rates of users are Beta with this mean and intraclass correlation; requests a user lognormal-Poisson, mean 8."""
TAU = 0.05
CAP = 50.0
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests in the order of time: whose, which arm's, and whether the thumb was up."""

    user: Whole
    treated: Bools
    up: Bools


def traffic(rng: Generator, share: float) -> Traffic:
    """Users arrive evenly over the trial and send until its end, some far more than others."""
    arrived = rng.random(USERS)
    pace = BUSY * 2 * np.exp(BUSIER * rng.standard_normal(USERS) - BUSIER**2 / 2)
    count = rng.poisson(pace * (1 - arrived))
    strength = 1 / KINSHIP - 1
    rate = rng.beta(MEAN * strength, (1 - MEAN) * strength, USERS)
    treated = rng.random(USERS) < share
    user = np.repeat(np.arange(USERS), count)
    when = arrived[user] + (1 - arrived[user]) * rng.random(len(user))
    user = user[np.argsort(when)]
    return Traffic(user, treated[user], rng.random(len(user)) < rate[user])


def before_each(user: Whole, values: Floats) -> Floats:
    """For each request the sum of the values of the same user's requests before it."""
    order = np.argsort(user, kind="stable")
    sums = np.cumsum(values[order]) - values[order]
    starts = np.r_[True, np.diff(user[order]) != 0]
    since = sums - np.maximum.accumulate(np.where(starts, sums, 0.0))
    back = np.empty(len(user))
    back[order] = since
    return back


def by_user(sent: Traffic) -> tuple[Sums, Sums]:
    """`JointMoments` of control and treatment after every request: thumbs up and thumbs of each user so far."""
    up = sent.up.astype(np.float64)
    ups, all_before = before_each(sent.user, up), before_each(sent.user, np.ones(len(up)))
    counts = all_before < CAP
    steps = {
        "n": (all_before == 0).astype(np.float64),
        "x": counts * up,
        "xx": counts * (2 * ups * up + up * up),
        "y": counts.astype(np.float64),
        "yy": counts * (2 * all_before + 1),
        "xy": counts * (ups + up * (all_before + 1)),
    }
    arms = (~sent.treated, sent.treated)
    one, other = (Sums(**{name: np.cumsum(step * arm)[np.newaxis] for name, step in steps.items()}) for arm in arms)
    return one, other


def watched(rng: Generator, paths: int, *, share: float) -> Measures:
    """Whether the rule by user, and the same formula on requests as if each were a user, ever fires."""
    fired = np.zeros((4, paths), dtype=bool)
    for path in range(paths):
        sent = traffic(rng, share)
        control, treatment = by_user(sent)
        looks = running.ratios(control, treatment, CAP)
        requests = running.welch(*(Sums(arm.second()[0], arm.x, arm.x) for arm in (control, treatment)))
        fired[:, path] = (
            looks.excluded(tau=TAU).any(),
            looks.above(tau=TAU).any(),
            looks.mirrored().above(tau=TAU).any(),
            requests.excluded(tau=TAU).any(),
        )
        if path < 2:
            for at in ((0, looks.value.shape[1] - 1), (0, int(rng.integers(looks.value.shape[1])))):
                agree(looks, at, ratio_difference(control.joint(at), treatment.joint(at)), tau=TAU)
            first = first_requests(sent)
            whole = [of_users(first, arm) for arm in (False, True)]
            agree(looks, (0, looks.value.shape[1] - 1), ratio_difference(*whole), tau=TAU)
    return dict(zip(("two", "above", "below", "requests"), fired, strict=True))


def first_requests(sent: Traffic) -> Traffic:
    """The first requests of each user, as many as the cap."""
    counts = before_each(sent.user, np.ones(len(sent.user))) < CAP
    return Traffic(sent.user[counts], sent.treated[counts], sent.up[counts])


def of_users(sent: Traffic, treated: bool) -> JointMoments:
    """The library's own sums over users, from the requests."""
    mine = sent.treated == treated
    ups, thumbs = (np.bincount(sent.user[mine], weights=w[mine], minlength=USERS) for w in (sent.up, sent.up >= 0))
    return JointMoments.of(ups[thumbs > 0], thumbs[thumbs > 0])


def one_look(rng: Generator, paths: int) -> Measures:
    """A single look at the end: users as units, and requests as units."""
    wrong = np.zeros((2, paths), dtype=bool)
    for path in range(paths):
        sent = traffic(rng, 0.5)
        wrong[0, path] = excludes(ratio_difference(*(of_users(sent, arm) for arm in (False, True)), cap=None))
        counts = [sent.up[sent.treated == arm] for arm in (False, True)]
        wrong[1, path] = excludes(rate_difference(*(Successes(len(arm), int(arm.sum())) for arm in counts)))
    return {"users": wrong[0], "requests": wrong[1]}


DATA = (
    f"{USERS:,} sticky users arrive over time and keep sending, lognormal(σ = 1)-Poisson, 8 requests on average; "
    f"thumbs Beta-binomial, mean {MEAN:.0%}, intraclass correlation {KINSHIP:g}; the first {CAP:g} of a user count"
)


def a_a(share: float) -> Trial:
    treated = round(100 * share)
    return Trial(
        f"ratio-{100 - treated}/{treated}",
        "A/A: a ratio of users who keep sending",
        f"{DATA}; split {100 - treated}/{treated}, look after every request, τ = {TAU:g}",
        partial(watched, share=share),
        (
            Target("two", "always_valid on ratio_difference", at_most=0.05),
            Target("above", "at_least above 0", at_most=0.05),
            Target("below", "at_most below 0", at_most=0.05),
            Target("requests", "always_valid, requests as units"),
        ),
        block=100,
    )


TRIALS = (
    a_a(0.5),
    a_a(0.1),
    Trial(
        "sticky-one-look",
        "A/A: users who keep sending, one look",
        f"{DATA}; split 50/50, one look at the end",
        one_look,
        (
            Target("users", "fixed on ratio_difference: users as units", at_most=0.06),
            Target("requests", "fixed on rate_difference, requests as units: fails as it must", at_least=0.3),
        ),
    ),
)

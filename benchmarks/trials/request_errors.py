"""Errors by users who met one, and by request: what each says of the same traffic, at 28 looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials import running
from benchmarks.trials.heavy_users import LOOKS, ends
from benchmarks.trials.rates import first_rejected
from benchmarks.trials.running import Sums
from benchmarks.trials.trial import Bools, Floats, Measures, Target, Trial
from fairtrial.domain.promises import MIN_CONVERSIONS
from fairtrial.stats.sequential.conversions import conversion_harm
from fairtrial.stats.sequential.guardrails import Limits
from fairtrial.stats.sequential.metric_guardrails import error_guardrail
from fairtrial.stats.sequential.request_errors import RequestErrors

USERS, MOST, MOST_EVENTS = 3_000, 4_000, 6_700
RATE, MARGIN, POINT, CAP = 0.01, 0.5, 0.01, 50.0
"""Errors per request of control; how many more count as not worse, as a share of them and absolute."""
RELATIVE, ABSOLUTE = Limits(MARGIN, stop_margin=0.0), Limits(POINT, stop_margin=0.0)
Arm = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Case:
    """Control's level if the margin is relative to it, the users at the first look, the cap, and the users at last."""

    level: float | None = RATE
    least: tuple[int, int] = (28, 28)
    cap: float = CAP
    users: int = USERS


USUAL = Case()
Draw = Callable[[Generator, tuple[int, int], bool], Arm]


def failing(rng: Generator, sent: Floats, rate: float | Floats) -> Arm:
    return rng.binomial(sent.astype(np.int64), rate).astype(np.float64), sent


def spread(rng: Generator, shape: tuple[int, int], treated: bool, *, rates: tuple[float, float]) -> Arm:
    """1 to 200 requests a user, each as likely to fail as any other."""
    return failing(rng, rng.integers(1, 201, shape).astype(np.float64), rates[treated])


def few(rng: Generator, shape: tuple[int, int], treated: bool, *, rates: tuple[float, float]) -> Arm:
    """Five requests a user on average."""
    return failing(rng, 1.0 + rng.poisson(4, shape), rates[treated])


def own(rng: Generator, shape: tuple[int, int], treated: bool, *, rates: tuple[float, float]) -> Arm:
    """Users with individual error rates: most have next to none."""
    rate = rng.beta(0.05, 0.05 / rates[treated] - 0.05, shape)
    return failing(rng, 1.0 + rng.poisson(4, shape), rate)


def loops(rng: Generator, shape: tuple[int, int], treated: bool, *, worse: float = 1 + MARGIN) -> Arm:
    """In the treatment few clients send again until they give up: 50 requests that all fail; the others err less."""
    sent = 1.0 + rng.poisson(4, shape)
    if not treated:
        return failing(rng, sent, RATE)
    share = 0.0005
    rest = (worse * RATE * (5 * (1 - share) + 50 * share) - 50 * share) / (5 * (1 - share))
    errors, sent = failing(rng, sent, rest)
    loop = rng.random(shape) < share
    return np.where(loop, 50.0, errors), np.where(loop, 50.0, sent)


def guarded(rng: Generator, paths: int, *, draw: Draw, case: Case) -> Measures:
    """Whether errors are ever called harm or safe: by users alone, before, and now."""
    least, level, cap = case.least, case.level, case.cap
    at = [ends(one, one * case.users // max(least)) for one in least]
    arms = [draw(rng, (paths, int(stop[-1])), bool(arm)) for arm, stop in enumerate(at)]
    share, limits = least[1] / sum(least), ABSOLUTE if level is None else RELATIVE
    met = [Sums.at(stop, (x > 0).astype(np.float64)).x.astype(np.int64) for stop, (x, _) in zip(at, arms, strict=True)]
    harm = met[1] >= least_harm(share)[met[0] + met[1]]
    old = met[0] >= least_safe(share)[met[0] + met[1]]
    cut = [(x * np.minimum(1, cap / y), np.minimum(y, cap)) for x, y in arms]
    sums = [Sums.at(stop, *arm) for stop, arm in zip(at, cut, strict=True)]
    safe, alone = (by_request(sums, bound, level) for bound in (cap, None))
    path, look = 0, int(rng.integers(len(at[0])))
    known = [
        RequestErrors.of(x[path, : int(stop[look])], y[path, : int(stop[look])], cap=cap)
        for (x, y), stop in zip(arms, at, strict=True)
    ]
    found = error_guardrail(*known, limits, level=level, share=share)
    assert (found.harmed, found.not_worse) == (harm[path, look], safe[path, look]), f"{found} by the library, not here"
    fires = {"harm": harm, "old": old & ~harm, "alone": alone & ~harm, "safe": safe & ~harm}
    return {name: np.asarray(each.any(axis=1)) for name, each in fires.items()}


def by_request(sums: list[Sums], cap: float | None, level: float | None) -> Bools:
    """Whether errors per request are below the margin, at each look."""
    scale, tau, null = (1.0, POINT, POINT) if level is None else (1 + MARGIN, MARGIN * level, 0.0)
    looks = running.ratios(sums[0], sums[1], cap, scale=scale)
    return looks.mirrored().above(tau=tau, null=-null)


@cache
def least_harm(share: float) -> Floats:
    """How many of so many users with an error are the treatment's when it is stopped."""
    bet = partial(conversion_harm, lift=1.0, share=share)
    return np.maximum(first_rejected(lambda k, m: bet(m - k, k), MOST_EVENTS, start=share), MIN_CONVERSIONS)


@cache
def least_safe(share: float) -> Floats:
    """How many of so many users with an error are control's when the treatment's users are surely not more."""
    bet = partial(conversion_harm, lift=MARGIN, share=1 - share, margin=1 / (1 + MARGIN) - 1)
    start = (1 - share) / (1 - share + share * (1 + MARGIN))
    return first_rejected(lambda k, m: bet(m - k, k), MOST_EVENTS, start=start)


OLD, NOW = f"rare_guardrail, users with an error, margin {MARGIN:.0%}, before: safe", "error_guardrail: safe"
ALONE = "errors per request, capped, without unseen users: safe"
SPREAD, FEW = "1 to 200 requests a user", "1 + Poisson(4) requests a user"


def trial(name: str, what: str, words: str, draw: Draw, case: Case = USUAL) -> Trial:
    """``what`` ends in "power" where safe is right."""
    least, level = case.least, case.level
    larger = "" if least[0] == least[1] else f"; {least[0]} users of control for {least[1]} of treatment"
    margin = f"{MARGIN:.0%} of {level:.0%}" if level else f"{POINT:.0%}"
    wrong = None if "power" in what else 0.05
    targets = [Target("old", OLD), Target("alone", ALONE), Target("safe", NOW, at_most=wrong)]
    if "A/A" in what:
        targets.append(Target("harm", "error_guardrail: harm", at_most=0.05))
    if "twice" in what:
        targets.append(Target("harm", "rare_guardrail and error_guardrail: harm"))
    return Trial(
        f"errors-{name}",
        what.removesuffix(", power"),
        f"{words}; margin {margin} of the requests, cap {case.cap:g}; {LOOKS} looks to {case.users:,} users an arm"
        f"{larger}",
        partial(guarded, draw=draw, case=case),
        tuple(targets),
        block=50,
        most=MOST if wrong else MOST // 4,
    )


AT = (RATE, RATE * (1 + MARGIN))
MORE = "Errors per request worse by the margin: called safe"
TRIALS = (
    trial("margin", MORE, f"{SPREAD}, errors of 1 and 1.5 % of the requests", partial(spread, rates=AT)),
    trial(
        "margin-90/10",
        MORE,
        f"{SPREAD}, errors of 1 and 1.5 % of the requests",
        partial(spread, rates=AT),
        Case(least=(252, 28)),
    ),
    trial("margin-own", MORE, f"{FEW}, error rates Beta by user, 1 and 1.5 % on average", partial(own, rates=AT)),
    trial(
        "margin-loops",
        MORE,
        f"{FEW}; 1 % errors of control, and 1.5 % where 0.05 % of the users send 50 that all fail",
        loops,
    ),
    trial(
        "margin-none",
        "No error in control, one in a hundred requests in the treatment: called safe",
        FEW,
        partial(few, rates=(0.0, POINT)),
        Case(level=None),
    ),
    trial(
        "twice",
        "Errors per request twice as many",
        f"{SPREAD}, errors of 1 and 2 %",
        partial(spread, rates=(0.01, 0.02)),
    ),
    *(
        trial(f"a/a{name}", "A/A: errors, power", f"{FEW}, errors of 1 %", partial(few, rates=(RATE, RATE)), case)
        for name, case in (("", USUAL), ("-cap-10", Case(cap=10.0)), ("-10,000", Case(users=10_000)))
    ),
    trial(
        "a/a-own",
        "A/A: errors of users with individual rates, power",
        f"{FEW}, 1 % on average",
        partial(own, rates=(RATE, RATE)),
    ),
    trial(
        "half",
        "Worse by half the margin, power",
        f"{SPREAD}, errors of 1 and 1.25 %",
        partial(spread, rates=(0.01, 0.0125)),
    ),
    trial("equal", "Equal errors, power", f"{SPREAD}, errors of 1 %", partial(spread, rates=(RATE, RATE))),
    trial("none", "No errors at all, power", FEW, partial(few, rates=(0.0, 0.0)), Case(level=None)),
)

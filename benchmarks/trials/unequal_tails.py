"""Costs whose tails differ between the arms: the mean before, the two lines of a cost now; 28 looks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials import running
from benchmarks.trials.heavy_users import LOOKS, ends
from benchmarks.trials.means import capped_mean, highest
from benchmarks.trials.mixture import Looks, agree
from benchmarks.trials.rates import first_rejected
from benchmarks.trials.running import Sums
from benchmarks.trials.trial import Bools, Floats, Measures, Target, Trial
from fairtrial.domain.promises import MIN_CONVERSIONS
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.sequential.conversions import conversion_harm
from fairtrial.stats.sequential.guardrails import Limits
from fairtrial.stats.sequential.metric_guardrails import cost_guardrail

USERS, MOST = 3_000, 4_000
MARGIN, ABOVE, SMALL = 0.2, 0.01, 0.3
"""How much more expensive the mean may be, how many more units may be above the limit, and σ of ordinary costs."""
LIMITS = Limits(margin=MARGIN)
TIMES, SHARE, MOST_ABOVE = 25.0, 0.02, 1_000
UNCUT = 1e12
Draw = Callable[[Generator, tuple[int, int], bool], Floats]
Means = Callable[[float], float]
"""By what control is multiplied for a limit, so that the means are equal."""


def ordinary(rng: Generator, shape: tuple[int, int]) -> Floats:
    """Costs with mean 1 and no tail."""
    return np.asarray(np.exp(SMALL * rng.standard_normal(shape) - SMALL**2 / 2))


def tail(
    rng: Generator, shape: tuple[int, int], treated: bool, *, times: float = TIMES, share: float = SHARE
) -> Floats:
    """The treatment's few users at many times the cost; control without."""
    cost = ordinary(rng, shape)
    return np.where(rng.random(shape) < share, times * cost, cost) if treated else cost


def lognormal(rng: Generator, shape: tuple[int, int], treated: bool, *, sigma: float = 1.0, by: float = 1.0) -> Floats:
    """Costs with mean 1, in the treatment ``by``."""
    return np.asarray(np.exp(sigma * rng.standard_normal(shape) - sigma**2 / 2)) * (by if treated else 1.0)


def pareto(rng: Generator, shape: tuple[int, int], _treated: bool) -> Floats:
    """Costs without a variance."""
    return np.asarray(rng.pareto(1.5, shape))


def with_tail(limit: float) -> float:
    """By how much the mean of min(x, limit) is larger under treatment where it has the tail."""
    more = (1 - SHARE) * capped_mean(SMALL, limit) + SHARE * TIMES * capped_mean(SMALL, limit / TIMES)
    return more / capped_mean(SMALL, limit)


def equal(_limit: float) -> float:
    """The same costs in both arms."""
    return 1.0


def looked_at(
    rng: Generator, paths: int, *, draw: Draw, limit: float, least: tuple[int, int], means: Means
) -> Measures:
    """What fires at any look. Control is scaled so that the means of what is compared are equal."""
    at = [ends(one, one * USERS // max(least)) for one in least]
    arms = [draw(rng, (paths, int(stop[-1])), bool(arm)) for arm, stop in enumerate(at)]
    whole = [Sums.at(stop, cost) for stop, cost in zip(at, arms, strict=True)]
    cut = [Sums.at(stop, np.minimum(cost, limit)) for stop, cost in zip(at, arms, strict=True)]
    level, within = means(limit), (0.0, limit * max(1.0, means(limit)))
    old = running.welch(whole[0].scaled(means(UNCUT)), whole[1])
    now = running.welch(cut[0].scaled(level), cut[1], within)
    spot = (0, int(rng.integers(len(at[0]))))
    agree(now, spot, mean_difference(cut[0].scaled(level).single(spot), cut[1].single(spot), within=within), tau=0.1)
    tau = 0.1 * level
    fires = {
        "before": old.excluded(tau=tau),
        "alone": running.welch(cut[0].scaled(level), cut[1]).excluded(tau=tau),
        "two": now.excluded(tau=tau),
        "above": now.above(tau=tau),
        "below": now.mirrored().above(tau=tau),
    }
    safe = 1 / (1 + MARGIN)
    for name, sums, one, bounds in (
        ("old safe", whole, means(UNCUT) * safe, None),
        ("safe", cut, level * safe, within),
    ):
        dear = running.welch(sums[0].scaled(one), sums[1], bounds, scale=1 + MARGIN)
        fires[name] = dear.mirrored().above(tau=MARGIN * one)
    return {name: np.asarray(each.any(axis=1)) for name, each in fires.items()}


def guarded(rng: Generator, paths: int, *, draw: Draw, limit: float, least: tuple[int, int]) -> Measures:
    """Whether a cost's guardrail ever says harm or safe, before (the mean alone) and now (both lines)."""
    at = [ends(one, one * USERS // max(least)) for one in least]
    arms = [draw(rng, (paths, int(stop[-1])), bool(arm)) for arm, stop in enumerate(at)]
    whole = [Sums.at(stop, cost) for stop, cost in zip(at, arms, strict=True)]
    capped = [Sums.at(stop, np.minimum(cost, limit)) for stop, cost in zip(at, arms, strict=True)]
    over = [Sums.at(stop, (cost > limit).astype(np.float64)) for stop, cost in zip(at, arms, strict=True)]
    share = least[1] / sum(least)
    old = running.welch(*whole, scale=1 + MARGIN)
    new = running.welch(*capped, (0.0, limit), scale=1 + MARGIN)
    more = running.welch(*over, (0.0, 1.0))
    harm = new.above(tau=MARGIN, alpha=0.025) | exact_harm(over, share)
    safe = below(new, MARGIN, 0.0) & below(more, ABOVE, ABOVE)
    path, look = 0, int(rng.integers(len(at[0])))
    sums = [Amounts.of(cost[path, : int(stop[look])], limit=limit) for cost, stop in zip(arms, at, strict=True)]
    found = cost_guardrail(*sums, LIMITS, level=1.0, above_margin=ABOVE, share=share)
    assert (found.answer == "harm") == harm[path, look], f"{found.answer} by the library, harm here: {harm[path, look]}"
    assert (found.answer == "safe") == (safe & ~harm)[path, look], f"{found.answer} by the library, not here"
    fires = {
        "old harm": old.above(tau=MARGIN),
        "old safe": below(old, MARGIN, 0.0),
        "harm": harm,
        "safe": safe & ~harm,
    }
    return {name: np.asarray(each.any(axis=1)) for name, each in fires.items()}


def below(looks: Looks, tau: float, null: float) -> Bools:
    """Whether `at_most` is below the null, at each look."""
    return looks.mirrored().above(tau=tau, null=-null)


def exact_harm(over: list[Sums], share: float) -> Bools:
    """`rare_guardrail` on the units above the limit, as one of two lines, at each look."""
    control, treatment = (arm.x.astype(np.int64) for arm in over)
    return np.asarray(treatment >= least_harm(share)[control + treatment])


@cache
def least_harm(share: float) -> Floats:
    """How many of so many units above the limit are the treatment's when it is stopped."""
    bet = partial(conversion_harm, lift=1.0, share=share, margin=MARGIN)
    start = share * (1 + MARGIN) / (1 + share * MARGIN)
    least = first_rejected(lambda k, m: bet(m - k, k), MOST_ABOVE, start=start, alpha=0.025)
    return np.maximum(least, MIN_CONVERSIONS)


def equal_means(
    name: str, draw: Draw, limit: float, means: Means, words: str, least: tuple[int, int] = (28, 28)
) -> Trial:
    """No difference of the means that are compared."""
    larger = "" if least[0] == least[1] else f"; {least[0]} users of control for {least[1]} of treatment"
    return Trial(
        f"tails-{name}",
        "Equal mean costs with unequal tails",
        f"{words}; limit {limit:g}; {LOOKS} looks to {USERS:,} users an arm{larger}, τ = 10 % of the mean",
        partial(looked_at, draw=draw, limit=limit, least=least, means=means),
        (
            Target("before", "always_valid on mean_difference, before: a difference"),
            Target("old safe", f"before: more expensive by exactly {MARGIN:.0%} called safe"),
            Target("alone", "the limit alone: a difference"),
            Target("two", "always_valid on mean_difference, capped: a difference", at_most=0.05),
            Target("above", "at_least above 0", at_most=0.05),
            Target("below", "at_most below 0", at_most=0.05),
            Target("safe", f"more expensive by exactly {MARGIN:.0%} called safe by the mean's line", at_most=0.05),
        ),
        block=50,
        most=MOST,
    )


def cost_trial(
    name: str, what: str, words: str, draw: Draw, targets: tuple[Target, ...], *, limit: float, most: int = MOST
) -> Trial:
    return Trial(
        f"cost-{name}",
        what,
        f"{words}; limit {limit:g}; {LOOKS} looks to {USERS:,} users an arm; margins {MARGIN:.0%} and {ABOVE:.0%}",
        partial(guarded, draw=draw, limit=limit, least=(28, 28)),
        targets,
        block=50,
        most=most,
    )


ORDINARY = f"lognormal(σ = {SMALL:g}) costs"
TAILED = f"{ORDINARY}; in one arm {SHARE:.0%} of the users at {TIMES:g} times as much"
PARETO = "Pareto(1.5) costs, without a variance, in both arms"
BEFORE, NOW = "mean_difference alone, before", "cost_guardrail"
SAME = partial(lognormal, sigma=1.0)
P999 = highest(1.0)


def a_a(name: str, words: str, draw: Draw, limit: float) -> Trial:
    return cost_trial(
        name,
        "A/A: the guardrail of a cost",
        words,
        draw,
        (Target("old harm", f"{BEFORE}: harm"), Target("harm", f"{NOW}: harm", at_most=0.05)),
        limit=limit,
    )


def allowed(name: str, what: str, words: str, draw: Draw, limit: float) -> Trial:
    """Too expensive by the margin, or above the limit by it: must not be called safe."""
    targets = Target("old safe", f"{BEFORE}: safe"), Target("safe", f"{NOW}: safe", at_most=0.05)
    return cost_trial(name, what, words, draw, targets, limit=limit)


def power(name: str, what: str, draw: Draw, which: str, words: str = "lognormal(σ = 1) costs, mean 1") -> Trial:
    targets = Target(f"old {which}", f"{BEFORE}: {which}"), Target(which, f"{NOW}: {which}")
    return cost_trial(name, what, words, draw, targets, limit=P999, most=MOST // 4)


TRIALS = (
    equal_means("limit-10", tail, 10.0, with_tail, TAILED),
    equal_means("limit-30", tail, 30.0, with_tail, TAILED),
    equal_means("limit-30-90/10", tail, 30.0, with_tail, TAILED, (252, 28)),
    equal_means("pareto", pareto, 20.0, equal, PARETO),
    equal_means("pareto-90/10", pareto, 20.0, equal, PARETO, (252, 28)),
    a_a("a/a", "lognormal(σ = 1) costs, mean 1", SAME, P999),
    a_a("a/a-pareto", PARETO, pareto, 20.0),
    allowed(
        "dearer",
        f"More expensive by exactly {MARGIN:.0%}: called safe",
        "lognormal(σ = 1) costs, mean 1",
        partial(lognormal, by=1 + MARGIN),
        200.0,
    ),
    allowed(
        "runaway",
        f"{ABOVE:.0%} of the users run away, at 19 times the cost: called safe",
        f"{ORDINARY}, with runaways {1 + MARGIN - 0.02:.2f} on average",
        partial(tail, times=19.0, share=ABOVE),
        10.0,
    ),
    power(
        "half",
        f"More expensive by half the margin of {MARGIN:.0%}: called safe",
        partial(lognormal, by=1 + MARGIN / 2),
        "safe",
    ),
    power(
        "twice",
        f"More expensive by twice the margin of {MARGIN:.0%}: stopped",
        partial(lognormal, by=1 + 2 * MARGIN),
        "harm",
    ),
    power(
        "runaway-5", "5 % of the users run away: stopped", partial(tail, share=0.05), "harm", TAILED.replace("2%", "5%")
    ),
)

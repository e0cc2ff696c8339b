"""Decides what the pairs of a shadow show: paired differences by unit, valid at every look, and when they are held."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fairtrial.domain.decision.shadow import MEASURES, OWN, Measure, ShadowAnswer, ShadowDecision, ShadowMetric
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import ALPHA, DROPS_ALPHA, MOST_DROPPED
from fairtrial.stats.always_valid import always_valid, cases_for_bound
from fairtrial.stats.arguments import Floats
from fairtrial.stats.paired.clustered import clustered_effect
from fairtrial.stats.sequential.srm import srm_evidence

DROP_STRENGTH = 20.0
"""How close the alternative of "drops depend on the length" is to no dependence, for few drops."""


@dataclass(frozen=True, slots=True)
class UnitMean:
    """The pairs of one unit under one measure: their count and means. ``log_ratio``: the mean log of their ratios."""

    name: str
    count: int
    mean_baseline: float
    mean_candidate: float
    log_ratio: float | None


@dataclass(frozen=True, slots=True)
class Drops:
    """Copies: all of them, and those that were dropped, among the requests up to the median length and above.

    ``newest_us``: the time of the newest copy.
    """

    short: int
    long: int
    short_dropped: int
    long_dropped: int
    newest_us: int | None = None


def decide_shadow(
    means: Iterable[UnitMean], drops: Drops, *, levels: tuple[float, float] = (ALPHA, ALPHA)
) -> ShadowDecision:
    """The decision of all pairs so far. ``levels``: the two-sided error levels of *better* and of *worse*."""
    by_name: dict[str, list[UnitMean]] = {}
    for mean in means:
        by_name.setdefault(mean.name, []).append(mean)
    order = {name: place for place, name in enumerate(MEASURES)}
    names = sorted(by_name, key=lambda name: (order.get(name, -1), name))
    return ShadowDecision(tuple(_metric(name, by_name[name], levels) for name in names), _held(drops), drops.newest_us)


def _metric(name: str, means: list[UnitMean], levels: tuple[float, float]) -> ShadowMetric:
    measure = MEASURES.get(name, OWN)
    values = np.array(
        [
            mean.log_ratio if measure.ratio else mean.mean_candidate - mean.mean_baseline
            for mean in means
            if not measure.ratio or mean.log_ratio is not None
        ],
        dtype=np.float64,
    )
    effect = clustered_effect(values)
    look, whole = (always_valid(effect, tau=measure.tau, level=1 - level) for level in levels)
    answer = "cannot tell" if isinstance(look, NotEnough) else _answer(look, measure)
    if not isinstance(whole, NotEnough) and _answer(whole, measure) == "worse":
        answer = "worse"
    return ShadowMetric(
        name,
        answer,
        sum(mean.count for mean in means),
        len(means),
        float(np.mean([mean.mean_baseline for mean in means])),
        float(np.mean([mean.mean_candidate for mean in means])),
        measure.ratio,
        float(values.mean()) if len(values) else 0.0,
        None if isinstance(look, NotEnough) else look.low,
        None if isinstance(look, NotEnough) else look.high,
        _in_users(look.needed) if isinstance(look, NotEnough) else _users_needed(values, measure, answer, levels[0]),
    )


def _in_users(needed: str) -> str:
    """What a look needs, in the words of a shadow: its cases are users."""
    return needed.replace("cases", "users").replace("more that do", "more users whose answers differ")


def _users_needed(values: Floats, measure: Measure, answer: ShadowAnswer, level: float) -> str:
    """How many users an open question probably needs: so many that equal sides are within the margin, at 80 % power."""
    if answer != "cannot tell" or measure.better == "neither":
        return ""
    variance = float(np.var(values, ddof=1))
    users = cases_for_bound(measure.tau, variance=variance, tau=measure.tau, alpha=level / 2, near=len(values))
    return f"about {users:,} users in all" if users > len(values) else "more users"


def _answer(look: Estimate, measure: Measure) -> ShadowAnswer:
    """The answer by the interval; within the margin on the bad side it is *not worse*."""
    if measure.better == "neither":
        return "higher" if look.low > 0 else "lower" if look.high < 0 else "cannot tell"
    low, high = (look.low, look.high) if measure.better == "higher" else (-look.high, -look.low)
    if low > 0:
        return "better"
    return "worse" if high < 0 else "not worse" if low > -measure.tau else "cannot tell"


def _held(drops: Drops) -> str:
    """Why the pairs may be others than the requests, empty if they are not."""
    dropped, copies = drops.short_dropped + drops.long_dropped, drops.short + drops.long
    if dropped > MOST_DROPPED * copies:
        return f"{100 * dropped / copies:.1f} % of the copies were dropped by overload of the gateway (at most 5 %)"
    if not dropped or not drops.short or not drops.long:
        return ""
    counts, shares = (drops.short_dropped, drops.long_dropped), (drops.short / copies, drops.long / copies)
    found = srm_evidence(counts, shares, strength=DROP_STRENGTH)
    if isinstance(found, NotEnough) or not found.rejects(DROPS_ALPHA):
        return ""
    return f"drops depend on the length: {counts[1]} of the longer half of the requests, {counts[0]} of the shorter"

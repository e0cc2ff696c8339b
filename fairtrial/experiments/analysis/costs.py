"""Compares what the variants of an experiment cost: a request, a resolved request, and from which volume one pays."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from fairtrial.api.cost_answers import (
    CompareCosts,
    CostCounts,
    CostReport,
    MachineUse,
    Range,
    VariantCost,
)
from fairtrial.domain.limits.constants import DAY_US, HOUR_US
from fairtrial.domain.money.cost import MILLION, priced_parts, rates_of
from fairtrial.domain.money.prices import Price
from fairtrial.domain.money.tokens import Tokens
from fairtrial.domain.plan import Deployment
from fairtrial.domain.promises import CACHE_POINTS, UNEQUAL_TRAFFIC
from fairtrial.experiments.analysis.break_even import Terms, break_even, interval_at_any_time
from fairtrial.stats.arms.ratios_and_quantiles import ratio
from fairtrial.stats.sums import JointMoments

MONTH_US = 30 * DAY_US
OUTPUT = ("output", "reasoning", "audio_out")
"""The kinds of tokens of an answer."""


class Spending(Struct, frozen=True, kw_only=True):
    """What the units of a variant spent. ``by_request`` and ``by_success``: cost against priced and resolved requests.

    ``cache_known``: input tokens of requests whose cached tokens are counted.
    """

    variant: str
    by_request: JointMoments
    by_success: JointMoments
    counts: CostCounts
    cache_known: int


class TokenGroup(Struct, frozen=True):
    """The tokens of the requests of a variant with one set of rates; ``longest``: their longest prompt."""

    variant: str
    tier: str | None
    longest: int
    requests: int
    tokens: Tokens


class MachineSum(Struct, frozen=True):
    """The settled hours of a machine; ``span``: the hours from the first to the last."""

    machine: str
    hours: int
    busy_us: int
    settled_usd: float
    usd_hour: float
    span: int


class Traffic(Struct, frozen=True):
    """What was read of an experiment's traffic in a window."""

    since_us: int
    until_us: int
    spending: Sequence[Spending]
    machines: Sequence[MachineSum]
    groups: Sequence[TokenGroup]


def report(
    request: CompareCosts,
    traffic: Traffic,
    deployments: Mapping[str, Deployment],
    *,
    control: str,
    success: str | None,
    now_us: int,
    other: Price | None = None,
) -> CostReport:
    """The report. ``deployments``: that of each variant. ``other``: the price of ``what_if``."""
    spent = [arm for arm in traffic.spending if arm.variant in deployments]
    cached, known = sum(arm.counts.tokens["cached"] for arm in spent), sum(arm.cache_known for arm in spent)
    shared = cached / known if known else None
    variants = [_variant(arm, deployments[arm.variant], shared, _of(arm, traffic), other, now_us) for arm in spent]
    by_name = {arm.variant: arm for arm in spent}
    volume = _volume(spent, traffic)
    answers = {
        arm.variant: priced_at(_of(arm, traffic), deployments[arm.variant].price_at(now_us), kinds=OUTPUT)
        for arm in spent
    }
    return CostReport(
        experiment=request.name,
        control=control,
        success=success,
        since_us=traffic.since_us,
        until_us=traffic.until_us,
        months=request.months,
        what_if=request.what_if,
        variants=variants,
        break_even=[
            break_even(
                arm.variant,
                by_name[control].by_request,
                arm.by_request,
                Terms(
                    fixed_usd=_fixed_usd(deployments[control], deployments[arm.variant], request.months),
                    volume=volume,
                    control_answer=answers[control],
                    answer=answers[arm.variant],
                ),
            )
            for arm in spent
            if arm.variant != control and control in by_name and arm.by_request.y and by_name[control].by_request.y
        ],
        cold_cache=has_cold_cache([(arm.counts.requests, _cached_share(arm)) for arm in spent]),
        deployments=[],
        machines=[_machine(each) for each in traffic.machines],
    )


def has_cold_cache(arms: Sequence[tuple[int, float | None]]) -> bool:
    """Whether caches differ so much at unequal traffic that a smaller arm is dearer by design.

    ``arms``: the requests of each and the cached share of its input. A cache keeps the beginnings of the prompts that
    it has seen lately, so that an arm with less traffic finds fewer of them.
    """
    shares = [share for _, share in arms if share is not None]
    sizes = [size for size, _ in arms]
    apart = len(shares) > 1 and max(shares) - min(shares) >= CACHE_POINTS
    return apart and min(sizes) < UNEQUAL_TRAFFIC * max(sizes)


def _variant(
    arm: Spending,
    deployment: Deployment,
    shared: float | None,
    groups: Sequence[TokenGroup],
    other: Price | None,
    now_us: int,
) -> VariantCost:
    share, price, total = _cached_share(arm), deployment.price_at(now_us), arm.by_request.x
    return VariantCost(
        variant=arm.variant,
        deployment=deployment.name,
        counts=arm.counts,
        total_usd=total,
        per_request=_level(arm.by_request),
        resolved=int(arm.by_success.y),
        per_resolved=_level(arm.by_success),
        cached_share=share,
        equal_warmth=_at_warmth(arm, price, shared),
        what_if=None if other is None else priced_at(groups, other),
    )


def _of(arm: Spending, traffic: Traffic) -> list[TokenGroup]:
    return [group for group in traffic.groups if group.variant == arm.variant]


def priced_at(groups: Sequence[TokenGroup], price: Price, kinds: Collection[str] = ()) -> float | None:
    """US dollars a request of the same traffic at a price; ``None`` if it lacks a rate that the traffic needs.

    ``kinds``: those of `priced_parts` that count; by default all of them, and the price of a request.
    """
    total, requests = Decimal(0), sum(group.requests for group in groups)
    for group in groups:
        found = rates_of(price, group.tier, group.longest)
        parts = [] if found is None else priced_parts(found[0], group.tokens)
        parts = [part for part in parts if not kinds or part[0] in kinds]
        if found is None or any(rate is None for _, _, rate, _ in parts):
            return None
        total += sum((rate or 0) * count for _, count, rate, _ in parts) / MILLION
        total += 0 if kinds else (found[0].request or 0) * group.requests
    return float(total / requests) if requests else None


def _level(sums: JointMoments) -> Range | None:
    """Dollars for each, with users as units; ``None`` where there are none."""
    estimate = interval_at_any_time(ratio(sums, cap=None, within=None), sums) if sums.y > 0 else None
    if estimate is None:
        return Range(value=sums.x / sums.y, low=None, high=None) if sums.y > 0 else None
    return Range(value=estimate.value, low=max(0.0, estimate.low or 0.0), high=estimate.high)


def _cached_share(arm: Spending) -> float | None:
    return arm.counts.tokens["cached"] / arm.cache_known if arm.cache_known else None


def _at_warmth(arm: Spending, price: Price, shared: float | None) -> float | None:
    """Dollars a request if the share of the input that comes from the cache were that of all variants together."""
    if shared is None or not arm.cache_known or not arm.counts.priced or price.input is None or price.cached is None:
        return None
    missed = arm.counts.tokens["cached"] - shared * arm.cache_known
    return (arm.by_request.x + missed * float(price.input - price.cached) / float(MILLION)) / arm.counts.priced


def _fixed_usd(old: Deployment, new: Deployment, months: int) -> float:
    """A month of training and hosting beyond the control's."""
    training = new.lineage.cost if new.lineage and new.lineage.cost else 0.0
    return float(new.price.month or 0) - float(old.price.month or 0) + training / months


def _volume(spent: Sequence[Spending], traffic: Traffic) -> int:
    """The requests of a month of 30 days at the rate of the window."""
    span = max(traffic.until_us - traffic.since_us, 1)
    return round(sum(arm.counts.requests for arm in spent) * MONTH_US / span)


def _machine(each: MachineSum) -> MachineUse:
    hours = each.span * HOUR_US
    return MachineUse(
        machine=each.machine,
        hours=each.hours,
        utilisation=each.busy_us / hours,
        settled_usd=each.settled_usd,
        idle_usd=each.usd_hour * (hours - each.busy_us) / HOUR_US,
    )

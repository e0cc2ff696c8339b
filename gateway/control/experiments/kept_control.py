"""Says how soon a control that stays after a promotion shows harm, and refuses one that too few users would show."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from math import ceil

from fairtrial.domain.errors import Conflict
from fairtrial.domain.promises import HARM_MARGINS, HARM_POWER, HARM_TIMES
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import rounded_up, size_words
from fairtrial.experiments.methods.rates import harm_test
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.promotion import MOST_DAYS, KeptTerms, days_words
from fairtrial.stats.planning.rate_courses import ShareRule, restarted_units

FOUND = f"in {100 * HARM_POWER:g} % of cases"
HOURS_A_WEEK = 7 * 24
SHARES, DAYS, WIDER = (10.0, 20.0, 30.0, 50.0), (14.0, 28.0, 56.0, float(MOST_DAYS)), (2.0, 3.0, 5.0)
"""The shares, times and multiples of the margin that a refusal tries."""


def harm_is_found(plan: AnalysisPlan, terms: KeptTerms, *, per_week: float, most: float) -> Iterator[str]:
    """After how many users harm is rolled back: a line for each rate of requests. ``most``: the largest share.

    Raises `Conflict` if harm needs more users than the time has at the traffic of the last week.
    """
    for metric in plan.guardrails:
        if not metric.counts_requests:
            continue
        if metric.level is None or not per_week:
            missing = "a baseline in the file" if metric.level is None else f"any {plan.unit} in the last week"
            yield f"{metric.metric}: without {missing}, nothing says how soon harm is found"
            continue
        if not harmful_level(metric) < 1:
            continue
        found = users_to_harm(plan, metric, terms, per_week)
        if found is None:
            raise Conflict(_too_few(plan, metric, terms, (per_week, most)))
        users, days = rounded_up(ceil(found)), ceil(7 * found / per_week)
        yield (
            f"{_rise(metric)} are rolled back within {counted(users, plan.unit)} of their start {FOUND} "
            f"({counted(days, 'day')} at {per_week:,.0f} a week)"
        )


def harmful_level(metric: MetricPlan) -> float:
    """The share of bad requests of a harm that must be found soon, far enough beyond the margin to be provable."""
    level = metric.level or 0.0
    margin = metric.stop_on_scale or metric.margin_on_scale or 0.0
    return round(max(HARM_TIMES * level, level + HARM_MARGINS * margin), 12)


def _rise(metric: MetricPlan) -> str:
    levels = f"{100 * (metric.level or 0.0):.3g} to {100 * harmful_level(metric):.3g} %"
    return f"{metric.metric}: bad requests that rise from {levels}"


def users_to_harm(plan: AnalysisPlan, metric: MetricPlan, terms: KeptTerms, per_week: float) -> float | None:
    """The users until such a harm is rolled back in most cases (`HARM_POWER`); ``None`` if the time has fewer.

    A unit counts by its first hour, so the users of one more hour come until then.
    """
    rule = ShareRule(harm_test(metric, 1 - terms.share / 100), plan.alpha_kill)
    control, treatment, most = metric.level or 0.0, harmful_level(metric), per_week * terms.days / 7
    units = restarted_units(rule, control=control, treatment=treatment, per_week=per_week, days=terms.days)
    found = None if units is None else units + per_week / HOURS_A_WEEK
    return found if found is not None and found <= most else None


def _too_few(plan: AnalysisPlan, metric: MetricPlan, terms: KeptTerms, traffic: tuple[float, float]) -> str:
    """Why the control can't be kept like this. ``traffic``: the users a week, and the largest share of the control."""
    per_week, _ = traffic
    remedies = list(_remedies(plan, metric, terms, traffic))
    instead = (
        f"what would do: {', or '.join(remedies)}"
        if remedies
        else "no longer time and no larger share would do, also not together"
    )
    days, users = days_words(terms.days), counted(round(per_week), plan.unit)
    return (
        f"experiments.{plan.experiment}: {_rise(metric)} need more {plan.unit}s to be found {FOUND} than come "
        f"in {days}, at {users} a week of which {terms.share:g} % stay on "
        f"{plan.control}. Nothing was promoted ({instead}; or promote without a kept control)"
    )


def _remedies(plan: AnalysisPlan, metric: MetricPlan, terms: KeptTerms, traffic: tuple[float, float]) -> Iterator[str]:
    """The shortest longer time, the smallest larger share and the smallest larger margin that would do, if any.

    If neither a time nor a share would do alone, the shortest time with the smallest share.
    """
    per_week, most = traffic
    longer = [(f"--for {days:g}d", metric, replace(terms, days=days)) for days in DAYS if days > terms.days]
    larger = [
        (f"--keep-control {share:g}%", metric, replace(terms, share=share))
        for share in SHARES
        if terms.share < share <= most
    ]
    wider = [
        (f"a margin of {size_words(each.stop_on_scale or 0.0, each)}, if it may be so large", each, terms)
        for each in (replace(metric, stop=times * metric.stop, margin=times * metric.margin) for times in WIDER)
        if harmful_level(each) < 1
    ]
    both = [
        (f"{share} {time}", metric, KeptTerms(more.share, later.days))
        for time, _, later in longer
        for share, _, more in larger
    ]

    def first(options: Sequence[tuple[str, MetricPlan, KeptTerms]]) -> list[str]:
        found = (
            words for words, changed, other in options if users_to_harm(plan, changed, other, per_week) is not None
        )
        return list(islice(found, 1))

    yield from first(longer) + first(larger) or first(both)
    yield from first(wider)

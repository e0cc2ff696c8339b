"""Decides rates of requests by the mean over units of each unit's share of bad requests.

Pause and kill go by the first hour of each unit and by its first request, so that they are soon known; safety and the
primary metric go by its first 24 hours. A pause is also found by the units with a bad request, each once, from the
first one on. The difference with each request weighing the same stands beside it: units with many requests may suffer
while most units do not.
"""

from collections.abc import Sequence
from math import ceil, exp, inf, log

import numpy as np

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import BY_REQUEST_ALPHA, REQUESTS_CAP
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods import method
from fairtrial.experiments.methods.finding import Answer, Finding, Times
from fairtrial.experiments.methods.method import AGAINST, Scaled, has_kept_away, normal_primary, of_good, shown
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.always_valid import always_valid, at_least
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.arms.ratios_and_quantiles import ratio_difference
from fairtrial.stats.e_values import EValue
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.sequential.guardrails import Limits, rare_evidence
from fairtrial.stats.sequential.request_errors import ErrorShares, RequestErrors
from fairtrial.stats.sequential.unit_shares import ShareTest, UnitShares, share_difference, share_evidence, share_level

Pair = tuple[RequestErrors, RequestErrors]
NO_WINDOW = NotEnough("no unit of both arms has a complete window yet", "units with complete windows")
MOST_TIMES = 1000.0
"""Beyond so many times the present units, a forecast says nothing."""


class Rates(method.MetricMethod):
    """Rates of requests."""

    sums = RequestErrors

    def guardrail(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair) -> Finding:
        share, stops_at = plan.share_of(variant), -log(plan.alpha_kill)
        declined, harmed = decline_evidence(metric, pair, share), _stopping(pair, harm_test(metric, share))
        safe = _tested(pair, safety_test(metric, share)) >= -log(plan.alpha_attempt)
        weighed, vetoed = weighed_difference(plan, metric, pair)
        answer: Answer = "harm" if harmed >= stops_at else "safe" if safe else "cannot tell"
        return Finding(
            metric.metric, variant, "guardrail", answer,
            shown(metric, _difference(pair, share, level=1 - plan.alpha)),
            log_e=declined, log_kill=stops_at, declined=declined >= stops_at, log_harm=harmed,
            why=AGAINST if has_kept_away(pair) and not safe else "",
            weighed=shown(metric, weighed), vetoed=vetoed,
        )  # fmt: skip

    def primary(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair, times: Times) -> Finding:
        """Each direction has half of the error probability; planned looks use the normal effect of the shares."""
        if times:
            effect = self.difference(metric, pair)(1.0)
            return normal_primary(plan, metric, variant, effect, times)
        share, alpha = plan.share_of(variant), plan.alpha_primary
        tests = primary_tests(metric, share, alpha=alpha)
        answers = (answer for answer, test, level in tests if _tested(pair, test) >= -log(level))
        answer: Answer = next(answers, "cannot tell")
        estimate = shown(metric, _difference(pair, share, level=1 - alpha))
        weighed = shown(metric, weighed_difference(plan, metric, pair)[0])
        return Finding(metric.metric, variant, "primary", answer, estimate, weighed=weighed)

    def difference(self, metric: MetricPlan, pair: Pair) -> Scaled:
        """Of the mean shares in the first 24 hours."""
        del metric
        shares = _shares(pair)
        if shares is None:
            return lambda _: NO_WINDOW
        arms = [arm_shares.day.moments for arm_shares in shares]
        return lambda scale: mean_difference(*arms, within=(0.0, 1.0), scale=scale)

    def plain(self, metric: MetricPlan, pair: Pair) -> Effect | NotEnough:
        """Of the rates with each request weighing the same, because windows may still be open."""
        del metric
        return ratio_difference(pair[0].requests, pair[1].requests, cap=pair[0].cap)

    def level(self, metric: MetricPlan, sums: RequestErrors) -> float | None:
        """Bad requests per request, as readers count them."""
        rate = sums.requests.x / sums.requests.y if sums.requests.y else None
        return 1 - rate if rate is not None and metric.better == "higher" else rate

    def level_interval(self, plan: AnalysisPlan, metric: MetricPlan, sums: RequestErrors) -> Estimate | NotEnough:
        """The mean share of the units in their first 24 hours."""
        if sums.shares is None:
            return NO_WINDOW
        return of_good(metric, share_level(sums.shares.day, level=1 - plan.alpha_attempt))

    def units(self, sums: RequestErrors) -> tuple[int, int]:
        complete = 0 if sums.shares is None else sums.shares.day.n
        return complete, complete

    def behind_level(self, sums: RequestErrors) -> int:
        return sums.requests.n

    def needed(self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair) -> int | NotEnough:
        units = units_to_show(
            pair,
            ShareTest("safe", 0.0) if metric.require == "superior" else safety_test(metric, 0.5),
            alpha=plan.alpha_primary / (1 if metric.relative else 2),
        )
        return units if isinstance(units, NotEnough) else units + sum(day.n for day in _days(pair))

    def missing(self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair) -> int | NotEnough:
        return units_to_show(pair, safety_test(metric, _split(pair)), alpha=plan.alpha_attempt)


def primary_tests(metric: MetricPlan, share: float, *, alpha: float) -> Sequence[tuple[Answer, ShareTest, float]]:
    """The answers about a primary metric in the order in which they count, each with its test and error probability."""
    allowed = metric.margin if metric.require == "not_worse" else 0.0
    tests: list[tuple[Answer, ShareTest, float]] = [
        ("better", ShareTest("safe", 0.0, share=share), alpha / 2),
        ("worse", ShareTest("harm", allowed, metric.relative and allowed > 0, share), alpha / 2),
    ]
    return [*tests, ("not worse", safety_test(metric, share), alpha)] if metric.require == "not_worse" else tests


def safety_test(metric: MetricPlan, share: float) -> ShareTest:
    """The test that the mean share of the treatment is within the margin."""
    return ShareTest("safe", metric.margin, metric.relative, share)


def decline_test(metric: MetricPlan, share: float) -> ShareTest:
    """The test of the shares in the first hour and request that pauses."""
    pause = metric.pause or 0.0
    return ShareTest("harm", pause, metric.pause_relative and pause > 0, share)


def harm_test(metric: MetricPlan, share: float) -> ShareTest:
    """The test of the shares in the first hour and request that kills."""
    return ShareTest("harm", metric.stop, metric.stop_relative and metric.stop > 0, share)


def decline_evidence(metric: MetricPlan, pair: Pair, share: float) -> float:
    """ln of the evidence that pauses: by the shares of units, and half of it by units with a bad request.

    Units with a bad request can show a decline only, so for a margin that pauses the shares are alone.
    """
    by_share = _stopping(pair, decline_test(metric, share))
    return by_share if metric.pause else _mean(by_share, event_evidence(pair[0].users, pair[1].users, share))


def event_evidence(control: int, treatment: int, share: float) -> float:
    """ln of the evidence by units with a bad request, −∞ before five of the treatment have one."""
    evidence = rare_evidence(control, treatment, Limits(1.0, 0.0), share=share)
    return evidence.log_e if isinstance(evidence, EValue) else -inf


def weighed_difference(plan: AnalysisPlan, metric: MetricPlan, pair: Pair) -> tuple[Estimate | NotEnough, bool]:
    """The difference with each request weighing the same, and whether it is proven to be worse than the margin.

    By rules 7 the difference has no cap, and its interval is for one look. The proof needs a bound, which no traffic
    sets: `REQUESTS_CAP`, unless the file states another one.
    """
    shares, tau = _shares(pair), metric.margin_on_scale
    if shares is None or tau is None:
        return NO_WINDOW, False
    control, treatment = (arm.requests for arm in shares)
    cap = (metric.cap or REQUESTS_CAP) if plan.weighs_every_request else pair[0].cap
    every = [arm.every.sums for arm in shares if arm.every is not None]
    if plan.weighs_every_request and len(every) == len(shares):
        estimate = fixed(ratio_difference(*every, cap=None), level=1 - plan.alpha)
    else:
        estimate = always_valid(ratio_difference(control, treatment, cap=cap), tau=tau, level=1 - plan.alpha)
    rates = sum(metric_plan.method == "shares" for metric_plan in plan.guardrails)
    scale = 1 + metric.margin if metric.relative else 1.0
    effect = ratio_difference(control, treatment, cap=cap, scale=scale)
    worse = at_least(effect, tau=tau, alpha=BY_REQUEST_ALPHA / 2**plan.week / max(1, rates * len(plan.treatments)))
    return estimate, isinstance(worse, Estimate) and worse.low > (0.0 if metric.relative else tau)


def units_to_show(pair: Pair, test: ShareTest, *, alpha: float) -> int | NotEnough:
    """The further units in both arms until a test succeeds, if the shares stay as they are."""
    control, treatment = _days(pair)
    if not (control.n and treatment.n):
        return NO_WINDOW
    arms = np.asarray(control.counts, np.float64), np.asarray(treatment.counts, np.float64)

    def shows(times: float) -> bool:
        return float(test.log_e(times * arms[0], times * arms[1])) >= -log(alpha)

    if not shows(MOST_TIMES):
        return NotEnough(
            "the levels so far leave no room within the margin", "a smaller difference", control.n + treatment.n
        )
    low, high = 0.0, MOST_TIMES
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return max(0, ceil((high - 1) * (control.n + treatment.n)))


def _split(pair: Pair) -> float:
    """The treatment's share of the units so far."""
    control, treatment = _days(pair)
    return min(0.99, max(0.01, treatment.n / (control.n + treatment.n))) if control.n + treatment.n else 0.5


def _days(pair: Pair) -> tuple[UnitShares, UnitShares]:
    control, treatment = (UnitShares.none() if arm.shares is None else arm.shares.day for arm in pair)
    return control, treatment


def _tested(pair: Pair, test: ShareTest) -> float:
    shares = _shares(pair)
    return 0.0 if shares is None else _log_e(shares[0].day, shares[1].day, test)


def _stopping(pair: Pair, test: ShareTest) -> float:
    """ln of the mean of two e-values: by the first hour of each unit, and by its first request, if that is read."""
    shares = _shares(pair)
    if shares is None:
        return 0.0
    control, treatment = shares
    by_hour = _log_e(control.hour, treatment.hour, test)
    if control.first is None or treatment.first is None:
        return by_hour
    return _mean(by_hour, _log_e(control.first, treatment.first, test))


def _log_e(control: UnitShares, treatment: UnitShares, test: ShareTest) -> float:
    """ln of the evidence over the complete windows: 0, the capital at the start, before any."""
    evidence = share_evidence(control, treatment, test)
    return evidence.log_e if isinstance(evidence, EValue) else 0.0


def _difference(pair: Pair, share: float, *, level: float) -> Estimate | NotEnough:
    shares = _shares(pair)
    return NO_WINDOW if shares is None else share_difference(shares[0].day, shares[1].day, share=share, level=level)


def _shares(pair: Pair) -> tuple[ErrorShares, ErrorShares] | None:
    control, treatment = (arm.shares for arm in pair)
    return None if control is None or treatment is None else (control, treatment)


def _mean(first: float, second: float) -> float:
    most = max(first, second)
    return most + log((exp(first - most) + exp(second - most)) / 2)

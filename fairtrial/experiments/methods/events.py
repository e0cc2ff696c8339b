"""Decides rates of requests by rules 1 to 3, and tests at each step for harm by units with a bad request."""

from collections.abc import Mapping
from dataclasses import replace
from math import log

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods import method
from fairtrial.experiments.methods.finding import Finding, Harm, Times, kill_alpha, tested_twice
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import Sums
from fairtrial.stats.arms.ratios_and_quantiles import ratio, ratio_difference
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.guardrails import GuardrailFinding, Limits, guardrail, rare_evidence, rare_harm
from fairtrial.stats.sequential.metric_guardrails import error_guardrail
from fairtrial.stats.sequential.request_errors import RequestErrors

Pair = tuple[RequestErrors, RequestErrors]


class Events(method.MetricMethod):
    """Rates of requests under rules 1 to 3."""

    sums = RequestErrors

    def guardrail(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair) -> Finding:
        finding = self._judged(plan, metric, pair, plan.share_of(variant))
        evidence = finding.evidence
        estimate = method.interval_at_any_time(metric, self.difference(metric, pair)(1.0), level=1 - plan.alpha)
        return Finding(
            metric.metric, variant, "guardrail",
            "harm" if finding.harmed else "safe" if finding.not_worse else "cannot tell",
            method.shown(metric, estimate),
            log_e=evidence.log_e if isinstance(evidence, EValue) else None,
            log_kill=-log(kill_alpha(plan, metric)),
            why=method.AGAINST if method.has_kept_away(pair) and not finding.not_worse else "",
        )  # fmt: skip

    def primary(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair, times: Times) -> Finding:
        effects = self.difference(metric, pair)(1.0), self.for_safety(pair)(1.0)
        return method.normal_primary(plan, metric, variant, effects, times)

    def difference(self, metric: MetricPlan, pair: Pair) -> method.Scaled:
        del metric
        control, treatment = pair
        return lambda scale: ratio_difference(control.requests, treatment.requests, cap=control.cap, scale=scale)

    def level(self, metric: MetricPlan, sums: RequestErrors) -> float | None:
        rate = sums.requests.x / sums.requests.y if sums.requests.y else None
        return 1 - rate if rate is not None and metric.better == "higher" else rate

    def level_interval(self, plan: AnalysisPlan, metric: MetricPlan, sums: RequestErrors) -> Estimate | NotEnough:
        level = ratio(sums.for_safety, cap=sums.cap)
        return method.of_good(metric, method.interval_at_any_time(metric, level, level=1 - plan.alpha_attempt))

    def units(self, sums: RequestErrors) -> tuple[int, int]:
        return sums.requests.n, sums.requests.n

    def missing(self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair) -> int | NotEnough:
        del plan, metric, pair
        return NotEnough("these rules give no forecast for guardrails", "newer rules, by an amendment")

    def for_safety(self, pair: Pair) -> method.Scaled:
        """The difference with the pessimistic sums, by which a treatment is proven to be better, not worse or safe."""
        control, treatment = pair
        return lambda scale: ratio_difference(control.for_safety, treatment.for_safety, cap=control.cap, scale=scale)

    def _judged(self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair, share: float) -> GuardrailFinding:
        """Harm at the alpha of kills, and safety at the alpha of the attempt."""
        number = max(1, len(plan.guardrails) * len(plan.treatments)) * (2 if tested_twice(metric) else 1)
        finding = self._test(metric, pair, share, Limits(1.0, alpha=plan.alpha, guardrails=number))
        if plan.attempt > 1:
            safe = self._test(metric, pair, share, Limits(1.0, alpha=plan.alpha_attempt))
            finding = replace(finding, safe=safe.safe, not_worse=safe.not_worse)
        return finding

    def _test(self, metric: MetricPlan, pair: Pair, share: float, alphas: Limits) -> GuardrailFinding:
        control, treatment = pair
        limits = replace(alphas, margin=metric.margin, stop_margin=metric.stop)
        if not metric.counts_events:
            return self._points(metric, pair, limits)
        if metric.relative and metric.level is None:
            return rare_harm(control.users, treatment.users, limits, share=share)
        level = metric.level if metric.relative else None
        return error_guardrail(control, treatment, limits, level=level, share=share)

    def _points(self, metric: MetricPlan, pair: Pair, limits: Limits) -> GuardrailFinding:
        """A margin that stops in points, which only the difference of the rates can show.

        While the level that a relative margin refers to is unknown, nothing is proven safe.
        """
        margin = metric.margin_on_scale
        on_scale = replace(limits, margin=margin or metric.stop, stop_margin=metric.stop, bad="up")
        finding = guardrail(self.difference(metric, pair)(1.0), on_scale)
        safe = guardrail(self.for_safety(pair)(1.0), on_scale)
        return replace(finding, safe=safe.safe, not_worse=safe.not_worse and bool(margin))


def harm_only(plan: AnalysisPlan, sums: Sums) -> Harm:
    """The part of a look that can stop within seconds, by guardrails that count events.

    A pair of arms without enough data is left out.
    """
    users: dict[str, dict[str, int]] = {}
    for metric in plan.guardrails:
        by_arm = {name: arm.metrics.get(metric.metric) for name, arm in sums.arms.items()}
        users[metric.metric] = {
            name: errors.users for name, errors in by_arm.items() if isinstance(errors, RequestErrors)
        }
    return harm_by_users(plan, users)


def harm_by_users(plan: AnalysisPlan, users: Mapping[str, Mapping[str, int]]) -> Harm:
    """As `harm_only`, from the number of units with an event alone: by metric, then by variant.

    With two stops it is half of what pauses, to which the shares of units add the other half at a look.
    """
    harm: Harm = {}
    for metric in plan.guardrails:
        hit = users.get(metric.metric, {})
        half = log(2) if metric.method == "shares" else 0.0
        limits = Limits(1.0, 0.0 if metric.method == "shares" else metric.stop)
        for variant in plan.treatments:
            if metric.counts_events and plan.control in hit and variant in hit:
                evidence = rare_evidence(hit[plan.control], hit[variant], limits, share=plan.share_of(variant))
                if isinstance(evidence, EValue):
                    harm[metric.metric, variant] = evidence.log_e - half + log(kill_alpha(plan, metric))
    return harm

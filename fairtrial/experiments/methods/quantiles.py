"""Decides quantiles of latency over requests, clustered by unit."""

from __future__ import annotations

from dataclasses import replace
from math import inf, log

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.methods.finding import UNKNOWN_LEVEL, Answer, Finding
from fairtrial.experiments.methods.method import Scaled, Times, normal_primary, units_for, units_within_margin
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums, quantile_difference, quantile_level
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.guardrails import GuardrailFinding, Limits, guardrail

Pair = tuple[QuantileSums, QuantileSums]
SHARED = "arms on one engine slow each other, so they can't show that latency is safe"


class Quantiles:
    """Quantiles of latency and of the time to the first token."""

    @property
    def sums(self) -> type[QuantileSums]:
        return QuantileSums

    def guardrail(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair) -> Finding:
        finding = self._judged(plan, metric, pair, metric.stop_on_scale or 0.0)
        earlier = self._judged(plan, metric, pair, metric.pause_on_scale or 0.0) if metric.pauses_earlier else None
        first, safe = earlier or finding, finding.not_worse
        estimate: Estimate | NotEnough = NotEnough(UNKNOWN_LEVEL, "a stated baseline, or more units of the control")
        if metric.tau is not None:
            estimate = always_valid(self.difference(metric, pair)(1.0), tau=metric.tau, level=1 - plan.alpha)
        answer: Answer = "harm" if finding.harmed else "safe" if safe and not plan.shared_engine else "cannot tell"
        return Finding(
            metric.metric, variant, "guardrail", answer, estimate,
            log_e=_log_e(first), log_kill=-log(plan.alpha_kill),
            why=SHARED if safe and plan.shared_engine else "",
            declined=earlier is not None and earlier.harmed,
            log_harm=None if earlier is None else _log_e(finding),
        )  # fmt: skip

    def primary(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair, times: Times) -> Finding:
        effect = self.difference(metric, pair)(1.0)
        finding = normal_primary(plan, metric, variant, (effect, effect), times)
        shared = plan.shared_engine and finding.answer in ("better", "not worse")
        return replace(finding, answer="cannot tell", why=SHARED) if shared else finding

    def difference(self, metric: MetricPlan, pair: Pair) -> Scaled:
        del metric
        return lambda scale: quantile_difference(*pair, scale=scale)

    def level(self, metric: MetricPlan, sums: QuantileSums) -> float | None:
        del metric
        return sums.value if sums.value < inf else None

    def level_interval(self, plan: AnalysisPlan, metric: MetricPlan, sums: QuantileSums) -> Estimate | NotEnough:
        if metric.tau is None:
            return NotEnough(UNKNOWN_LEVEL, "a stated baseline, or more units of the control")
        return always_valid(quantile_level(sums), tau=metric.tau, level=1 - plan.alpha_attempt)

    def units(self, sums: QuantileSums) -> tuple[int, int]:
        return sums.users.n, sums.users.n

    def behind_level(self, sums: QuantileSums) -> int:
        return sums.users.n

    def needed(self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair) -> int | NotEnough:
        return units_for(plan, metric, self.difference(metric, pair)(1.0))

    def missing(self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair) -> int | NotEnough:
        if plan.shared_engine:
            return NotEnough(SHARED, "a separate engine for each arm")
        return units_within_margin(plan, metric, self.difference(metric, pair), self.level(metric, pair[0]))

    def _judged(self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair, stop: float) -> GuardrailFinding:
        """Harm at the alpha of kills, and safety at the alpha of the attempt."""
        number, margin = max(1, len(plan.guardrails) * len(plan.treatments)), metric.margin_on_scale or 0.0
        limits = Limits(
            margin, stop, bad="up" if metric.better == "lower" else "down", alpha=plan.alpha, guardrails=number
        )
        effect = self.difference(metric, pair)(1.0)
        finding = guardrail(effect, limits, tau=metric.tau)
        if plan.attempt > 1:
            safe = guardrail(effect, replace(limits, alpha=plan.alpha_attempt, guardrails=1), tau=metric.tau)
            finding = replace(finding, safe=safe.safe, not_worse=safe.not_worse)
        return finding


def _log_e(finding: GuardrailFinding) -> float | None:
    return finding.evidence.log_e if isinstance(finding.evidence, EValue) else None

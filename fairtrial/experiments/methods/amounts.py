"""Decides amounts by the mean and the share above a cap, and latency by quantiles over requests, clustered by unit."""

from dataclasses import replace
from math import inf, log

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import ABOVE_CAP_MARGIN
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods import method
from fairtrial.experiments.methods.finding import Answer, Finding, Times, kill_alpha
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.always_valid import at_least, at_most
from fairtrial.stats.arms.amounts import Amounts, amount_difference
from fairtrial.stats.arms.means import mean
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums, quantile_difference, quantile_level
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.guardrails import GuardrailFinding, Limits, guardrail
from fairtrial.stats.sequential.metric_guardrails import cost_guardrail
from fairtrial.stats.sequential.unit_shares import BINS, ShareTest, UnitShares, share_evidence

Pair = tuple[Amounts, Amounts]

TAIL_WORSE = "more units are above the cap, by over 1 point"
TAIL_OPEN = "the mean up to the cap agrees, but the share of units above the cap is not proven within 1 point"
MEAN_OPEN = "the share of units above the cap is within 1 point, but the mean up to the cap decides nothing yet"
QuantilePair = tuple[QuantileSums, QuantileSums]
SHARED = "arms on one engine slow each other, so they can't show that latency is safe"


class AmountsOfUnits(method.MetricMethod):
    """Costs and tokens, of a unit or of its requests on average."""

    sums = Amounts

    def guardrail(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair) -> Finding:
        share = plan.share_of(variant)
        finding, harmed, safe = self._judged(plan, metric, pair, (share, metric.stop_on_scale or 0.0))
        log_kill, log_e, declined = -log(kill_alpha(plan, metric)), _log_e(finding), False
        log_harm: float | None = None
        if metric.pauses_earlier:
            earlier, declined, _ = self._judged(plan, metric, pair, (share, metric.pause_on_scale or 0.0))
            log_e, log_harm = _log_e(earlier), log_e
        estimate = method.interval_at_any_time(metric, self.difference(metric, pair)(1.0), level=1 - plan.alpha)
        answer: Answer = "harm" if harmed else "safe" if safe else "cannot tell"
        return Finding(
            metric.metric, variant, "guardrail", answer, estimate,
            log_e=log_e, log_kill=log_kill, declined=declined, log_harm=log_harm,
        )  # fmt: skip

    def primary(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair, times: Times) -> Finding:
        effect = self.difference(metric, pair)(1.0)
        finding = method.normal_primary(plan, metric, variant, effect, times)
        return self._by_both_lines(plan, metric, finding, pair)

    def difference(self, metric: MetricPlan, pair: Pair) -> method.Scaled:
        del metric
        control, treatment = pair
        return lambda scale: amount_difference(control, treatment, scale=scale)

    def level(self, metric: MetricPlan, sums: Amounts) -> float | None:
        del metric
        return sums.capped.mean if sums.capped.n else None

    def level_interval(self, plan: AnalysisPlan, metric: MetricPlan, sums: Amounts) -> Estimate | NotEnough:
        return method.interval_at_any_time(metric, mean(sums.capped, within=sums.within), level=1 - plan.alpha_attempt)

    def units(self, sums: Amounts) -> tuple[int, int]:
        return sums.capped.n, sums.capped.n

    def _judged(
        self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair, stop: tuple[float, float]
    ) -> tuple[GuardrailFinding, bool, bool]:
        """The line with more evidence of harm, whether harm is proven, and whether safety is.

        ``stop``: the treatment's share of the units, and the margin that stops. Harm has the alpha of kills.
        """
        share, beyond = stop
        level, number = metric.level or 0.0, max(1, len(plan.guardrails) * len(plan.treatments))
        margin = (metric.margin_on_scale or 0.0) / level
        limits = Limits(margin, beyond / level, alpha=plan.alpha, guardrails=number)
        cost = cost_guardrail(*pair, limits, level=level, above_margin=ABOVE_CAP_MARGIN, share=share)
        safe = cost.answer == "safe" or (cost.mean.not_worse and cost.above.not_worse)
        if plan.attempt > 1:
            again = replace(limits, alpha=plan.alpha_attempt, guardrails=1)
            later = cost_guardrail(*pair, again, level=level, above_margin=ABOVE_CAP_MARGIN, share=share)
            safe = later.mean.not_worse and later.above.not_worse
        worst = cost.mean if not cost.above.harmed and _worst(cost.mean) >= _worst(cost.above) else cost.above
        return worst, cost.answer == "harm", safe

    def _by_both_lines(self, plan: AnalysisPlan, metric: MetricPlan, by_mean: Finding, pair: Pair) -> Finding:
        """*Better* and *not worse* need both lines, each at its whole alpha; *worse* needs either, at half of it.

        The capped mean says nothing about amounts beyond the cap, so it never decides alone.
        """
        alpha, share = plan.alpha_primary / 2, plan.share_of(by_mean.variant)
        tail_evident, required = tail_evidence(pair, "safe", share), metric.require == "not_worse"
        tail_worse = tail_evidence(pair, "harm", share) >= -log(alpha / 2)
        beyond, tau, effect = method.worse_beyond(metric), metric.tau or 0.0, self.difference(metric, pair)(1.0)
        bound = at_least(effect, tau=tau, alpha=alpha / 2)
        mean_worse = isinstance(bound, Estimate) and bound.low > beyond
        if mean_worse or tail_worse:
            return replace(by_mean, answer="worse", why="" if mean_worse else TAIL_WORSE)
        if by_mean.answer == "better" and tail_evident >= -log(alpha):
            return by_mean
        under = at_most(effect, tau=tau, alpha=plan.alpha_primary)
        within = required and isinstance(under, Estimate) and under.high < (metric.margin_on_scale or 0.0)
        agrees = within or by_mean.answer in ("better", "not worse")
        tail_safe = tail_evident >= -log(plan.alpha_primary if required else alpha)
        if agrees and not tail_safe:
            return replace(by_mean, answer="cannot tell", why=TAIL_OPEN)
        if agrees:
            return replace(by_mean, answer="not worse")
        return replace(by_mean, answer="cannot tell", why=by_mean.why or ("" if not tail_safe else MEAN_OPEN))


def tail_evidence(pair: Pair, side: str, share: float) -> float:
    """ln of the evidence that the share above the cap is, or is not, larger by `ABOVE_CAP_MARGIN`."""
    control, treatment = (UnitShares((arm.capped.n - arm.above, *(0,) * (BINS - 2), arm.above)) for arm in pair)
    test = ShareTest("safe" if side == "safe" else "harm", ABOVE_CAP_MARGIN, share=share)
    evidence = share_evidence(control, treatment, test)
    return evidence.log_e if isinstance(evidence, EValue) else 0.0


def _log_e(finding: GuardrailFinding) -> float | None:
    return finding.evidence.log_e if isinstance(finding.evidence, EValue) else None


def _worst(finding: GuardrailFinding) -> float:
    log_e = _log_e(finding)
    return -inf if log_e is None else log_e


class Quantiles(method.MetricMethod):
    """Quantiles of latency and of the time to the first token."""

    sums = QuantileSums

    def guardrail(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: QuantilePair) -> Finding:
        finding = self._judged(plan, metric, pair, metric.stop_on_scale or 0.0)
        earlier = self._judged(plan, metric, pair, metric.pause_on_scale or 0.0) if metric.pauses_earlier else None
        first, safe = earlier or finding, finding.not_worse
        estimate = method.interval_at_any_time(metric, self.difference(metric, pair)(1.0), level=1 - plan.alpha)
        answer: Answer = "harm" if finding.harmed else "safe" if safe and not plan.shared_engine else "cannot tell"
        return Finding(
            metric.metric, variant, "guardrail", answer, estimate,
            log_e=_log_e(first), log_kill=-log(plan.alpha_kill),
            why=SHARED if safe and plan.shared_engine else "",
            declined=earlier is not None and earlier.harmed,
            log_harm=None if earlier is None else _log_e(finding),
        )  # fmt: skip

    def primary(
        self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: QuantilePair, times: Times
    ) -> Finding:
        effect = self.difference(metric, pair)(1.0)
        finding = method.normal_primary(plan, metric, variant, effect, times)
        shared = plan.shared_engine and finding.answer in ("better", "not worse")
        return replace(finding, answer="cannot tell", why=SHARED) if shared else finding

    def difference(self, metric: MetricPlan, pair: QuantilePair) -> method.Scaled:
        del metric
        return lambda scale: quantile_difference(*pair, scale=scale)

    def level(self, metric: MetricPlan, sums: QuantileSums) -> float | None:
        del metric
        return sums.value if sums.value < inf else None

    def level_interval(self, plan: AnalysisPlan, metric: MetricPlan, sums: QuantileSums) -> Estimate | NotEnough:
        return method.interval_at_any_time(metric, quantile_level(sums), level=1 - plan.alpha_attempt)

    def units(self, sums: QuantileSums) -> tuple[int, int]:
        return sums.users.n, sums.users.n

    def missing(self, plan: AnalysisPlan, metric: MetricPlan, pair: QuantilePair) -> int | NotEnough:
        if plan.shared_engine:
            return NotEnough(SHARED, "a separate engine for each arm")
        return super().missing(plan, metric, pair)

    def _judged(self, plan: AnalysisPlan, metric: MetricPlan, pair: QuantilePair, stop: float) -> GuardrailFinding:
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

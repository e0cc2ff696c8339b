"""Live lines in less usual cases: another arm changed, one engine for both arms, and required requests."""

from __future__ import annotations

from dataclasses import replace

from fairtrial.experiments.analysis_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums
from fairtrial.stats.arms.quantiles import QuantileSums
from tests.fixtures.evaluators.live_trials import finding, looked, verdict
from tests.fixtures.experiments.reported_looks import ERRORS, analysis_plan, arm, sums

HARM = sums(10, arm(3_000, 1_500, failed=30), arm(3_000, 1_500, failed=300))
LATENCY = MetricPlan(
    metric="requests.latency_p95", role="primary", method="quantile", better="lower", require="not_worse", margin=0.2,
    relative=True, level=900.0,
)  # fmt: skip


def slow(value: float) -> ArmSums:
    """An arm with this latency, in milliseconds."""
    values = [value * number / 4_000 for number in range(1, 4_001)]
    one = QuantileSums.of(values, [str(number) for number in range(4_000)], nu=0.95)
    return replace(arm(4_000, 0, cap=1.0), metrics=arm(4_000, 0, cap=1.0).metrics | {LATENCY.metric: one})


def test_a_change_of_another_arm_does_not_hide_harm_of_the_candidate() -> None:
    live = looked(analysis_plan(), HARM, changed=("another-arm",))
    assert verdict(live).decision == "BLOCK"


def test_a_primary_latency_on_one_engine_is_not_proven_by_its_interval() -> None:
    plan = analysis_plan(metrics=(LATENCY, ERRORS), shared_engine=True)
    live = looked(plan, sums(10, slow(1_000), slow(900)))
    for line in ("live.primary not worse than base by 20%", "live.requests.latency_p95 not worse than base by 20%"):
        assert finding(verdict(live, line), line).result == "cannot tell"

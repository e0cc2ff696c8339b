"""A look at a plan is rehearsed before it runs."""

from __future__ import annotations

from fairtrial.experiments.analysis.findings import uncomputable
from tests.fixtures.experiments.frozen_plans import analysis_plan, cost, errors, latency, resolved
from tests.fixtures.for_each import for_each


@for_each("cap", (0.0001, 0.01, 1.0, 50.0))
def test_a_cost_with_any_cap_can_be_computed(cap: float) -> None:
    assert list(uncomputable(analysis_plan(resolved(), errors(), latency(), cost(cap=cap, level=cap / 10)))) == []

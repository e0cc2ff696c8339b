"""A plan of a split and pairs decides with little traffic, errs no more than it says, and has its planner's power."""

from __future__ import annotations

import pytest

from benchmarks import shadow_mix
from fairtrial.experiments.sources import weekly_power


def test_the_pairs_of_more_users_and_of_larger_levels_have_more_power() -> None:
    power = weekly_power(0.1, users_per_week=180, weeks=4, level=0.04)
    assert power == sorted(power) and power[-1] == pytest.approx(0.78, abs=0.01)
    assert weekly_power(0.1, users_per_week=180, weeks=4, level=0.02)[-1] < power[-1]
    assert weekly_power(0.1, users_per_week=360, weeks=4, level=0.04)[1] == pytest.approx(power[3], abs=0.02)
    assert weekly_power(0.1, users_per_week=7, weeks=4, level=0.04) == [0.0] * 4  # not even 30 users


@pytest.mark.release("simulations")
def test_the_mixed_plan_keeps_its_promises() -> None:
    assert [row.line for row in shadow_mix.rows(200, seed=9) if row.broken] == []

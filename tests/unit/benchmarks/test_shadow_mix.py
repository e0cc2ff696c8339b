"""A plan of a split and pairs decides with little traffic, errs no more than it says, and has its planner's power."""

from __future__ import annotations

import pytest

from benchmarks import shadow_mix


@pytest.mark.release("simulations")
def test_the_mixed_plan_keeps_its_promises() -> None:
    assert [row.line for row in shadow_mix.rows(200, seed=9) if row.broken] == []

"""Equal variants at a tenth of the traffic differ in cost by their caches, which the rule leaves undecided."""

from __future__ import annotations

import numpy as np

from benchmarks.cold_cache import SHORT_PREFIX, cost_effect, differ, differ_at_any_time, looks, trial


def test_a_small_share_has_a_colder_cache_and_an_even_split_finds_a_real_saving() -> None:
    random = np.random.default_rng(3)
    control, treatment, cold = trial(random, 30, 0.1)
    assert cold and treatment.cached_share < control.cached_share - 0.1
    assert differ(cost_effect(control.sums, treatment.sums)), "without the rule equal variants are called different"
    control, treatment, cold = trial(random, 120, 0.5, SHORT_PREFIX)
    assert not cold and differ_at_any_time(control.sums, treatment.sums) and treatment.cost < control.cost


def test_daily_looks_at_equal_variants_with_heavy_tails_call_few_different() -> None:
    assert looks(40)

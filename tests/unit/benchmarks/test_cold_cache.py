"""Equal variants at a tenth of the traffic differ in cost by their caches, which the rule leaves undecided."""

from __future__ import annotations

import numpy as np

from benchmarks.cold_cache import SHORT_PREFIX, differ, trial


def test_a_small_share_has_a_colder_cache_and_an_even_split_finds_a_real_saving() -> None:
    random = np.random.default_rng(3)
    control, treatment, cold = trial(random, 30, 0.1)
    assert cold and treatment.cached_share < control.cached_share - 0.1
    assert differ(control, treatment), "without the rule equal variants are called different"
    control, treatment, cold = trial(random, 120, 0.5, SHORT_PREFIX)
    assert not cold and differ(control, treatment) and treatment.cost < control.cost

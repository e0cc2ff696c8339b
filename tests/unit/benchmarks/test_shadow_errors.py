"""Equal models are called different by the pairs of a shadow no more often than promised, at any day."""

from __future__ import annotations

import pytest

from benchmarks import shadow


def test_pairs_need_at_most_half_of_the_users_of_a_split() -> None:
    assert shadow.power()["met"]


@pytest.mark.release("simulations")
def test_equal_models_with_unequal_users_and_drops_by_length_are_rarely_decided() -> None:
    found = shadow.error(400, seed=7)
    assert found["met"], found

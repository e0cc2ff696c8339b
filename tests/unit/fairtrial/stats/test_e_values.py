"""An e-value: Ville's inequality in numbers, and no overflow."""

from math import inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.stats.e_values import EValue


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 0.5))
def test_it_rejects_just_where_its_p_value_is_at_most_alpha(log_e: float, alpha: float) -> None:
    found = EValue(log_e, 10, "example")
    assert 0 <= found.p <= 1
    if abs(log_e + log(alpha)) > 1e-9:
        assert found.rejects(alpha) == (found.p <= alpha)


@given(st.floats(-50, 50), st.floats(0, 10))
def test_more_evidence_is_a_smaller_p(log_e: float, more: float) -> None:
    assert EValue(log_e + more, 1, "example").p <= EValue(log_e, 1, "example").p


def test_a_bet_that_lost_everything_is_no_evidence() -> None:
    assert EValue(-inf, 4, "example").p == 1
    assert not EValue(-inf, 4, "example").rejects(0.99)


def test_evidence_is_a_number_and_alpha_a_chance() -> None:
    with pytest.raises(ValueError, match="not a number"):
        EValue(float("nan"), 4, "example")
    for alpha in (0.0, 1.0, 2.0):
        with pytest.raises(ValueError, match="alpha"):
            EValue(1.0, 4, "example").rejects(alpha)


def test_an_e_value_of_twenty_is_five_per_cent() -> None:
    assert EValue(log(20), 4, "example").p == pytest.approx(0.05)

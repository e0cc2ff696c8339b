"""E-values and corrections for several hypotheses: error rates, published numbers, and no overflow."""

from math import inf, log

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import false_discovery_control

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.e_values import EValue, e_bh, holm


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 0.5))
def test_it_rejects_just_where_its_p_value_is_at_most_alpha(log_e: float, alpha: float) -> None:
    e_value = EValue(log_e, 10, "example")
    assert 0 <= e_value.p <= 1
    if abs(log_e + log(alpha)) > 1e-9:
        assert e_value.rejects(alpha) == (e_value.p <= alpha)


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


p_values = st.lists(st.floats(0, 1), min_size=1, max_size=15)


def test_it_gives_the_textbook_example() -> None:
    # the worked example of Wikipedia's article "Holm-Bonferroni method": H1 and H4 are rejected at 0.05
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_example_of_benjamini_and_hochberg_rejects_three() -> None:
    # Benjamini & Hochberg (1995), JRSS-B 57:289-300: the familywise procedures reject three of their 15 at 0.05
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert sum(adjusted <= 0.05 for adjusted in holm(p)) == 3


@given(st.permutations(range(5)), st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_the_order_of_questions_does_not_matter(order: list[int], p: list[float]) -> None:
    straight = holm(p)
    assert holm([p[i] for i in order]) == pytest.approx([straight[i] for i in order])


@given(p_values)
def test_an_adjusted_p_lies_between_the_raw_one_and_bonferronis(p: list[float]) -> None:
    for raw, adjusted in zip(p, holm(p), strict=True):
        assert raw <= adjusted <= min(1.0, len(p) * max(raw, adjusted))
        assert adjusted <= 1
    assert min(holm(p)) == pytest.approx(min(1.0, len(p) * min(p)))


@given(p_values, st.floats(0, 1))
def test_a_smaller_p_never_makes_another_answer_worse(p: list[float], share: float) -> None:
    before, after = holm(p), holm([p[0] * share, *p[1:]])
    assert all(later <= earlier + 1e-12 for earlier, later in zip(before, after, strict=True))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="p-value"):
        holm([0.01, wrong])


def test_one_question_needs_no_correction() -> None:
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


levels = st.sampled_from([0.05, 0.1, 0.3])
log_es = st.lists(st.floats(-5, 12), min_size=1, max_size=20)


def of(values: list[float]) -> list[EValue]:
    return [EValue(value, 10, "example") for value in values]


def test_the_example_of_benjamini_and_hochberg_rejects_four() -> None:
    # Benjamini & Hochberg (1995), JRSS-B 57:289-300, the worked example: 4 of 15 p-values are rejected at 0.05; with
    # e = 1/p the two procedures are one
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert sum(e_bh(of([-log(p_value) for p_value in p]), alpha=0.05)) == 4


def test_the_example_by_hand() -> None:
    # m = 4, alpha = 0.1: the k-th largest must be at least 40 / k = 40, 20, 13.3, 10
    assert e_bh(of([log(e) for e in (19, 39, 14, 1)]), alpha=0.1) == (True, True, True, False)
    assert e_bh(of([log(e) for e in (19, 39, 13, 9)]), alpha=0.1) == (False, False, False, False)
    assert e_bh(of([log(e) for e in (9, 41, 9, 9)]), alpha=0.1) == (False, True, False, False)


@given(log_es, levels)
def test_on_inverted_p_values_it_is_benjamini_hochberg_as_in_scipy(values: list[float], alpha: float) -> None:
    values = [max(0.0, value) for value in values]
    adjusted = false_discovery_control([np.exp(-value) for value in values])
    if min(abs(adjusted - alpha)) > 1e-9:
        assert e_bh(of(values), alpha=alpha) == tuple(bool(p <= alpha) for p in adjusted)


@given(st.permutations(range(6)), st.lists(st.floats(-1, 9), min_size=6, max_size=6), levels)
def test_the_order_of_e_values_does_not_matter(order: list[int], values: list[float], alpha: float) -> None:
    straight = e_bh(of(values), alpha=alpha)
    assert e_bh(of([values[i] for i in order]), alpha=alpha) == tuple(straight[i] for i in order)


@given(log_es, levels, st.floats(0, 5))
def test_more_evidence_and_a_larger_alpha_reject_no_less(values: list[float], alpha: float, more: float) -> None:
    before = e_bh(of(values), alpha=alpha)
    stronger = e_bh(of([values[0] + more, *values[1:]]), alpha=alpha)
    looser = e_bh(of(values), alpha=min(0.9, 1.5 * alpha))
    assert all(later >= earlier for earlier, later in zip(before, stronger, strict=True))
    assert all(later >= earlier for earlier, later in zip(before, looser, strict=True))


@given(log_es, levels)
def test_it_rejects_at_least_as_much_as_bonferroni(values: list[float], alpha: float) -> None:
    result = e_bh(of(values), alpha=alpha)
    assert all(rejected for rejected, value in zip(result, values, strict=True) if value > log(len(values) / alpha))


def test_a_question_without_evidence_counts_and_is_not_rejected() -> None:
    nothing = NotEnough("nothing", "something")
    assert e_bh([EValue(log(15), 9, "example"), nothing], alpha=0.1) == (False, False)
    assert e_bh([EValue(log(15), 9, "example")], alpha=0.1) == (True,)
    assert e_bh([], alpha=0.1) == ()
    with pytest.raises(ValueError, match="alpha"):
        e_bh([nothing], alpha=1.0)


def test_of_the_rejected_at_most_alpha_are_true_on_average_however_they_depend() -> None:
    # 20 nulls that share one bet, and 5 alternatives
    rng, shares = np.random.default_rng(3), []
    for _ in range(2_000):
        common, own = rng.normal(), rng.normal(3, 1, 5)
        null = np.full(20, 2 * common - 2)
        rejected = e_bh(of([*null, *(2 * own - 2)]), alpha=0.1)
        shares.append(sum(rejected[:20]) / max(1, sum(rejected)))
    assert np.mean(shares) <= 0.1

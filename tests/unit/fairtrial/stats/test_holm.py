"""Holm's correction: published examples, and what must hold of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.stats.holm import holm

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

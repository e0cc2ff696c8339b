"""Cohen's kappa of two people: scikit-learn's value, statsmodels' interval, published tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.agreement.cohen_kappa import cohen_kappa
from fairtrial.stats.agreement.rating_table import RatingTable
from tests.fixtures.evaluators.rated_examples import DIAGNOSES, PREGNANCIES, of_two, table_of, told
from tests.fixtures.for_each import for_each

MARKS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=10, max_size=40)


# R's irrCAC, README: kappa2.table; to three decimals the Python package's test/unit/irrCAC/table/test_cohen.py
@for_each(
    ("counts", "weights", "value"),
    [
        (PREGNANCIES, "identity", 0.7964094),
        (PREGNANCIES, "linear", 0.843),
        (PREGNANCIES, "quadratic", 0.892),
        (DIAGNOSES, "identity", 0.432),
        (DIAGNOSES, "linear", 0.407),
        (DIAGNOSES, "ordinal", 0.390),
        (DIAGNOSES, "quadratic", 0.383),
    ],
)
def test_kappa_is_what_gwets_tables_give(counts, weights, value) -> None:
    found = told(cohen_kappa(of_two(counts), weights=weights))
    assert found.value == pytest.approx(value, abs=5e-8 if value == 0.7964094 else 5.1e-4)


@given(MARKS, st.sampled_from([("identity", None), ("linear", "linear"), ("quadratic", "quadratic")]))
def test_kappa_agrees_with_scikit_learn_and_its_interval_with_statsmodels(pairs, weights) -> None:
    ours, theirs = weights
    first, second = zip(*pairs, strict=True)
    found = cohen_kappa(table_of([first, second]), weights=ours, scale=range(1, 6))
    if isinstance(found, NotEnough):
        assert len({*first, *second}) == 1
        return
    assert found.value == pytest.approx(cohen_kappa_score(first, second, weights=theirs, labels=range(1, 6)), abs=1e-9)
    if 1 in (len(set(first)), len(set(second))) or found.value > 1 - 1e-9:
        return  # statsmodels divides by a variance of 0
    counts = np.zeros((5, 5))
    np.add.at(counts, (np.array(first) - 1, np.array(second) - 1), 1)
    kind = {"identity": None, "linear": "linear", "quadratic": "quadratic"}[ours]
    reference = cohens_kappa(counts, wt=kind)
    half = t.ppf(0.975, len(pairs) - 1) * reference.std_kappa
    expected = [max(-1, reference.kappa - half), min(1, reference.kappa + half)]
    assert [found.low, found.high] == pytest.approx(expected, abs=1e-6)


@given(MARKS, st.randoms())
def test_the_order_of_items_and_which_person_is_which_change_nothing(pairs, random) -> None:
    table = table_of(list(zip(*pairs, strict=True)))
    shuffled = [pair[::-1] for pair in random.sample(pairs, len(pairs))]
    found, again = cohen_kappa(table), cohen_kappa(table_of(list(zip(*shuffled, strict=True))))
    if isinstance(found, NotEnough):
        assert again == found
    else:
        assert (told(again).value, told(again).low) == pytest.approx((found.value, found.low))


def test_perfect_agreement_is_one_and_its_interval_says_how_few_items_show_it() -> None:
    found = [told(cohen_kappa(table_of([[1, 2, 3] * n] * 2))) for n in (4, 100)]
    assert [(one.value, one.high) for one in found] == [(1, 1), (1, 1)]
    assert found[0].low < 0.75 < 0.97 < found[1].low < 1


def test_of_one_who_gives_the_same_to_all_kappa_is_zero_and_its_interval_is_not() -> None:
    found = told(cohen_kappa(table_of([[1] * 20, [1, 2] * 10])))
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.low < -0.1 < 0.1 < found.high


def test_what_can_not_be_told_is_not_told() -> None:
    few = cohen_kappa(table_of([[1, 2, 3]] * 2))
    assert isinstance(few, NotEnough) and few.needed == "7 more items that two people rate"
    alone = cohen_kappa(table_of([[1, 2] * 10]))
    assert isinstance(alone, NotEnough) and alone.n == 0
    equal = cohen_kappa(table_of([[5] * 30] * 2))
    assert isinstance(equal, NotEnough) and "all ratings are equal" in equal.reason
    with pytest.raises(ValueError, match="is for two"):
        cohen_kappa(table_of([[1, 2] * 10] * 3))
    with pytest.raises(ValueError, match="another variance"):
        cohen_kappa(RatingTable.of(["a", "b"], ["ann", "bob"], [1, 2], ["g", "g"]))

"""Intraclass correlations: Shrout and Fleiss' table, the analysis of variance of statsmodels, and coverage."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.agreement.icc import icc
from tests.fixtures.evaluators.rated_examples import table_of, told
from tests.fixtures.for_each import for_each

SHROUT_AND_FLEISS = ((9, 6, 8, 7, 10, 6), (2, 1, 4, 1, 5, 2), (5, 3, 6, 2, 6, 4), (8, 2, 8, 6, 9, 7))
"""Four judges' ratings of six targets: Shrout & Fleiss (1979), Psychological Bulletin 86:420-428."""
FORMS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")


# Shrout & Fleiss (1979); R's psych tests the same six in tests/testthat/test_ICC.R
@for_each(("form", "published"), [*zip(FORMS, (0.17, 0.29, 0.71, 0.44, 0.62, 0.91), strict=True)])
def test_the_six_forms_are_what_shrout_and_fleiss_published(form, published) -> None:
    assert told(icc(table_of(SHROUT_AND_FLEISS), form=form)).value == pytest.approx(published, abs=5e-3)


# What psych::ICC prints for this table, to the digits printed: D. Wollschläger's R examples, dwoll/RExRepos,
# interRaterICC
@for_each(
    ("form", "low", "high"),
    [
        ("1,1", -0.133, 0.72),
        ("2,1", 0.019, 0.76),
        ("3,1", 0.342, 0.95),
        ("1,k", -0.884, 0.91),
        ("2,k", 0.071, 0.93),
        ("3,k", 0.676, 0.99),
    ],
)
def test_the_intervals_are_what_psych_prints(form, low, high) -> None:
    found = told(icc(table_of(SHROUT_AND_FLEISS), form=form))
    assert found.low == pytest.approx(low, abs=5.1e-4)
    assert found.high == pytest.approx(high, abs=5.1e-3)


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=3), min_size=6, max_size=12))
def test_mean_squares_are_those_of_statsmodels(marks) -> None:
    found = {form: icc(table_of(list(zip(*marks, strict=True))), form=form) for form in ("1,1", "2,1", "3,1")}
    if any(isinstance(one, NotEnough) for one in found.values()) or any(one.value == 1 for one in found.values()):
        return
    long = pd.DataFrame(
        [(str(i), str(j), mark) for i, row in enumerate(marks) for j, mark in enumerate(row)],
        columns=["item", "person", "mark"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = anova_lm(ols("mark ~ C(item) + C(person)", long).fit())
    n, k = len(marks), 3
    squares, freedom = table["sum_sq"], table["df"]
    items, people, rest = (float(squares.iloc[i] / freedom.iloc[i]) for i in range(3))
    within = float(squares.iloc[1] + squares.iloc[2]) / (n * (k - 1))
    assert found["1,1"].value == pytest.approx((items - within) / (items + (k - 1) * within), abs=1e-6)
    assert found["3,1"].value == pytest.approx((items - rest) / (items + (k - 1) * rest), abs=1e-6)
    expected = (items - rest) / (items + (k - 1) * rest + k * (people - rest) / n)
    assert found["2,1"].value == pytest.approx(max(-1, expected), abs=1e-6)


@given(
    st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=3), min_size=6, max_size=12),
    st.sampled_from(FORMS),
    st.randoms(),
)
def test_order_names_and_units_change_nothing(marks, form, random) -> None:
    table = table_of(list(zip(*marks, strict=True)))
    other = [[5 * mark - 100 for mark in row] for row in random.sample(marks, len(marks))]
    found, again = icc(table, form=form), icc(table_of(list(zip(*other, strict=True))), form=form)
    if isinstance(found, NotEnough):
        assert isinstance(again, NotEnough) and again.reason == found.reason
        return
    figures = [(one.value, one.low, one.high) for one in (found, told(again))]
    assert figures[1] == pytest.approx(figures[0], abs=1e-7)
    assert np.isfinite(figures[0]).all()
    assert -1 <= found.low <= found.value + 1e-9 and found.value <= found.high + 1e-9 and found.high <= 1 + 1e-9


@for_each("form", FORMS)
def test_the_interval_covers_the_truth_of_normal_ratings(form) -> None:
    rng = np.random.default_rng(6)
    items, people, noise, k = 1.0, 0.3 if form.startswith("2") else 0.0, 0.7, 3
    single = items / (items + people + noise)
    truth = k * single / (1 + (k - 1) * single) if form.endswith("k") else single
    covered = 0
    for _ in range(300):
        marks = rng.normal(0, items**0.5, (20, 1)) + rng.normal(0, people**0.5, (1, k))
        found = told(icc(table_of((marks + rng.normal(0, noise**0.5, (20, k))).T.tolist()), form=form))
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 300 <= 0.98


def test_only_items_that_all_have_rated_count() -> None:
    more = [(*row, None if i else 7) for i, row in enumerate(SHROUT_AND_FLEISS)]
    assert icc(table_of(more)) == icc(table_of(SHROUT_AND_FLEISS))


def test_people_who_agree_on_each_item_have_one_and_few_items_show_it_badly() -> None:
    found = [told(icc(table_of([[1, 2, 3, 4, 5] * n] * 2))) for n in (1, 40)]
    assert [(one.value, one.high) for one in found] == [(1, 1), (1, 1)]
    assert found[0].low < 0.5 < 0.9 < found[1].low < 1


def test_what_can_not_be_told_is_not_told() -> None:
    few = icc(table_of([[1, 2, 3]] * 2))
    assert isinstance(few, NotEnough) and "3 items were rated by each of 2 people" in few.reason
    assert isinstance(icc(table_of([[1, 2, 3, 4, 5, 6]])), NotEnough)
    for rows in ([[5] * 10] * 2, [[4] * 10, [5] * 10]):
        found = icc(table_of(rows))
        assert isinstance(found, NotEnough) and "means are equal" in found.reason
    crossed = icc(table_of([[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 2]]), form="2,k")
    assert isinstance(crossed, NotEnough) and "no more than ratings of one item" in crossed.reason
    with pytest.raises(ValueError, match="names have no variance"):
        icc(table_of([["a", "b"] * 5] * 2))

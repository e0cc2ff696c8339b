"""Krippendorff's alpha: published numbers, the reference package, and what must not change it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.review.krippendorff_alpha import alpha, alpha_against_rest
from fairtrial.stats.review.rating_table import RatingTable
from tests.fixtures.evaluators.rated_examples import BEN_AND_GERRY, FOUR_RATERS, measured, of_two, table_of
from tests.fixtures.for_each import for_each

METRICS = ("nominal", "ordinal")


@st.composite
def ratings(draw, low: int = 1, high: int = 5):
    """Marks by people of items, some of them missing; at least ten items have two."""
    people, items = draw(st.integers(2, 4)), draw(st.integers(10, 14))
    marks = draw(st.lists(st.integers(low, high), min_size=people * items, max_size=people * items))
    gaps = draw(st.sets(st.integers(0, people * items - 1), max_size=2 * (people - 2)))
    flat = [None if i in gaps else mark for i, mark in enumerate(marks)]
    rows = [tuple(flat[i * items : (i + 1) * items]) for i in range(people)]
    assume(sum(sum(row[i] is not None for row in rows) > 1 for i in range(items)) >= 10)
    assume(len({mark for i in range(items) for mark in _shared(rows, i)}) > 1)
    return rows


def _shared(rows, i):
    given_ = [row[i] for row in rows if row[i] is not None]
    return given_ if len(given_) > 1 else []


def value(rows, metric="ordinal") -> float:
    agreement = alpha(table_of(rows), metric=metric)
    assume(not isinstance(agreement, NotEnough))
    return measured(agreement).value


# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability": A binary data of two observers, B nominal data of
# two observers, C any number of observers with missing values, under two metrics.
@for_each(
    ("rows", "metric", "published"),
    [
        (((0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)), "nominal", 0.095),
        ((BEN_AND_GERRY[0], (*BEN_AND_GERRY[1][:9], "d", "d", "d")), "nominal", 0.692),
        (FOUR_RATERS, "nominal", 0.743),
        (FOUR_RATERS, "ordinal", 0.815),
    ],
)
def test_alpha_is_what_krippendorff_published(rows, metric, published) -> None:
    assert measured(alpha(table_of(rows), metric=metric)).value == pytest.approx(published, abs=5.1e-4)


def test_alpha_is_what_gwets_package_prints() -> None:
    # R's irrCAC, README: krippen.alpha.raw(cac.raw4raters) and krippen2.table(cont3x3abstractors)
    assert measured(alpha(table_of(FOUR_RATERS))).value == pytest.approx(0.74342, abs=5e-6)
    assert measured(alpha(of_two(((13, 0, 0), (0, 20, 7), (0, 4, 56))))).value == pytest.approx(0.7972585, abs=5e-8)


@settings(max_examples=25)
@given(ratings())
def test_alpha_agrees_with_the_reference_package_with_missing_ratings(rows) -> None:
    matrix = np.array([[np.nan if mark is None else mark for mark in row] for row in rows])
    for metric in METRICS:
        reference = krippendorff.alpha(reliability_data=matrix, level_of_measurement=metric)
        assert value(rows, metric) == pytest.approx(reference, abs=1e-9)


@given(ratings(), st.randoms())
def test_the_order_of_items_and_people_and_their_names_change_nothing(rows, random) -> None:
    items, people = list(range(len(rows[0]))), list(range(len(rows)))
    random.shuffle(items)
    random.shuffle(people)
    shuffled = [[rows[person][item] for item in items] for person in people]
    assert alpha(table_of(shuffled), metric="ordinal") == alpha(table_of(rows), metric="ordinal")


@given(ratings(), st.permutations([1, 2, 3, 4, 5]))
def test_other_names_for_nominal_values_change_nothing(rows, names) -> None:
    second = [[None if mark is None else f"name {names[mark - 1]}" for mark in row] for row in rows]
    assert value(second, "nominal") == pytest.approx(value(rows, "nominal"), abs=1e-12)


@given(ratings())
def test_only_the_order_of_ordinal_values_counts(rows) -> None:
    second = [[None if mark is None else mark**3 for mark in row] for row in rows]
    assert alpha(table_of(second), metric="ordinal") == alpha(table_of(rows), metric="ordinal")


@settings(max_examples=30)
@given(ratings())
def test_the_interval_holds_the_figure_and_grows_with_the_level(rows) -> None:
    for metric in METRICS:
        agreements = [alpha(table_of(rows), metric=metric, level=level) for level in (0.8, 0.9, 0.95)]
        if isinstance(agreements[0], NotEnough):
            continue
        estimates = [measured(agreement) for agreement in agreements]
        lows, highs = [estimate.low for estimate in estimates], [estimate.high for estimate in estimates]
        assert lows == sorted(lows, reverse=True)
        assert highs == sorted(highs)
        assert lows[0] <= estimates[0].value <= highs[0]
        assert highs[-1] <= 1


@pytest.mark.parametrize("metric", METRICS)
def test_perfect_agreement_is_one_and_its_interval_says_how_few_items_show_it(metric) -> None:
    result = [measured(alpha(table_of([[1, 2, 3, 4, 5] * n] * 2), metric=metric)) for n in (2, 4, 40)]
    assert [item.value for item in result] == [1, 1, 1]
    assert [interval.high for interval in result] == [1, 1, 1]
    assert 0.6 < result[0].low < 0.7 < result[1].low < 0.9 < result[2].low < 1


def test_items_that_all_show_the_same_disagreement_are_no_proof_that_others_would() -> None:
    interval = measured(alpha(table_of([[1] * 20, [2] * 20]), metric="ordinal"))
    assert interval.value == pytest.approx(-0.95)
    assert -1 <= interval.low < interval.value < -0.7 < interval.high < -0.6


def test_more_items_make_the_interval_shorter() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(3, 1, 300)
    marks = np.clip(np.round(truth + rng.normal(0, 0.6, (2, 300))), 1, 5)
    widths = []
    for n in (12, 40, 300):
        interval = measured(alpha(table_of(marks[:, :n].tolist()), metric="ordinal"))
        widths.append(interval.high - interval.low)
    assert widths == sorted(widths, reverse=True)


def test_answers_that_are_drawn_together_are_resampled_together() -> None:
    rows = FOUR_RATERS
    table = table_of(rows)
    twin = replace(table, items=tuple(f"twin of {item}" for item in table.items))
    doubled, alone = measured(alpha(table + twin, metric="ordinal")), measured(alpha(table, metric="ordinal"))
    assert doubled.n == alone.n == 11
    assert doubled.high - doubled.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_no_agreement_is_reported_without_enough_ratings() -> None:
    single = alpha(table_of([[1, 2, 3, 4, 5] * 4]))
    assert isinstance(single, NotEnough)
    assert (single.n, single.needed) == (0, "10 more items that two people rate")
    few = alpha(table_of([[1, 2, 3, 4]] * 2))
    assert isinstance(few, NotEnough) and few.n == 4
    equal = alpha(table_of([[5] * 40] * 2))
    assert isinstance(equal, NotEnough) and "all ratings are equal" in equal.reason
    nearly = alpha(table_of([[5] * 40, [5] * 39 + [4]]))
    assert isinstance(nearly, NotEnough) and "nearly all" in nearly.reason
    with pytest.raises(ValueError, match="names have no distances"):
        alpha(table_of([["a", "b"] * 6] * 2), metric="ordinal")


def test_a_value_that_only_items_with_one_rating_have_counts_for_nothing() -> None:
    rows = [[*([5] * 12), 1], [*([5] * 12), None]]
    agreement = alpha(table_of(rows), metric="ordinal")
    assert isinstance(agreement, NotEnough) and "all ratings are equal" in agreement.reason


@settings(max_examples=40)
@given(ratings())
def test_of_two_people_each_agrees_with_the_rest_as_both_agree(rows) -> None:
    table = table_of(rows[:2])
    for metric in METRICS:
        assert alpha_against_rest(table, "person 0", metric=metric) == alpha(table, metric=metric)


def test_whoever_guesses_stands_out_against_the_rest() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(1, 6, 60)
    rows = [np.clip(truth + rng.integers(-1, 2, 60) * (rng.random(60) < 0.3), 1, 5).tolist() for _ in range(3)]
    table = table_of([*rows, rng.integers(1, 6, 60).tolist()])
    result = [measured(alpha_against_rest(table, f"person {i}", metric="ordinal")).value for i in range(4)]
    assert result[3] < 0.3 < 0.5 < min(result[:3])
    unknown = alpha_against_rest(table, "nobody")
    assert isinstance(unknown, NotEnough) and unknown.n == 0


def test_the_rest_counts_once_for_each_item_however_many_they_are() -> None:
    # by hand: disagreements of ann with each other, weighed by 1/others: item 0 has 1/2, item 1 has 1; ten more agree
    rows = [[1, 1, *([1, 2] * 5)], [1, 2, *([1, 2] * 5)], [2, None, *([1, 2] * 5)]]
    observed = (0.5 + 1) / 12
    ones, twos = 2 * 5 + 1.5 + 1, 2 * 5 + 0.5 + 1
    expected = 2 * ones * twos / ((ones + twos) * (ones + twos - 1))
    assert measured(alpha_against_rest(table_of(rows), "person 0")).value == pytest.approx(1 - observed / expected)


def test_the_interval_covers_the_truth_of_five_marks() -> None:
    # 60 % good items and 40 % bad ones, two people that each err by a mark in 30 % of ratings: truth by enumeration
    rng = np.random.default_rng(4)
    errs = {-1: 0.15, 0: 0.7, 1: 0.15}
    cells = {}
    for (true, share), (a, p), (b, q) in product({2: 0.4, 4: 0.6}.items(), errs.items(), errs.items()):
        cells[true + a, true + b] = cells.get((true + a, true + b), 0) + share * p * q
    marks, shares = list(cells), np.array(list(cells.values()))
    differ = np.array([a != b for a, b in marks]) @ shares
    values = [
        sum(share * ((a == value) + (b == value)) / 2 for (a, b), share in cells.items()) for value in range(1, 6)
    ]
    truth = 1 - differ / (1 - sum(value**2 for value in values))
    covered = 0
    for _ in range(200):
        drawn = [marks[i] for i in rng.choice(len(marks), 30, p=shares)]
        interval = measured(alpha(RatingTable.of(*_columns(drawn)), metric="nominal"))
        covered += interval.low <= truth <= interval.high
    assert 0.90 <= covered / 200 <= 0.995


def _columns(pairs):
    items = [f"{i}" for i in range(len(pairs))]
    return items * 2, ["ann"] * len(pairs) + ["bob"] * len(pairs), [a for a, _ in pairs] + [b for _, b in pairs]

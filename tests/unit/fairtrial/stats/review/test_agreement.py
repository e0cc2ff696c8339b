"""Tables of ratings, and agreement beyond chance on them: published numbers, references, and invariances."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.review.agreement import RatingTable, agreement_weights, gwet_ac
from fairtrial.stats.review.krippendorff_alpha import alpha
from tests.fixtures.evaluators.rated_examples import (
    BEN_AND_GERRY,
    FIVE_OBSERVERS,
    FOUR_RATERS,
    FOUR_RATERS_BY_GENDER,
    PREGNANCIES,
    measured,
    of_counts,
    of_two,
    table_of,
)
from tests.fixtures.for_each import for_each

ROWS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["ann", "bob", "cem"]), st.integers(1, 5)),
    unique_by=lambda row: row[:2],
    min_size=1,
)


@given(ROWS, st.randoms(), st.data())
def test_adding_tables_is_pooling_their_ratings_in_any_order(rows, random, data) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    whole = RatingTable.of(*zip(*rows, strict=True))
    random.shuffle(rows)
    parts = [RatingTable.of(*(zip(*part, strict=True) if part else ([], [], []))) for part in (rows[:cut], rows[cut:])]
    assert parts[0] + parts[1] == parts[1] + parts[0] == whole


def test_counts_tell_groups_apart_and_know_no_names() -> None:
    table = RatingTable.of(["a", "a", "b", "c"], ["ann", "bob", "ann", "bob"], [4, 5, 4, 4], ["g", "g", "g", "h"])
    assert table.scale == (4, 5)
    assert table.twice == 1
    assert table.counts((3, 4, 5)) == (((0, 1, 0),), ((0, 1, 0), (0, 1, 1)))


def test_what_is_no_table_of_ratings_is_refused() -> None:
    with pytest.raises(ValueError, match="rated 'a' twice"):
        RatingTable.of(["a", "a"], ["ann", "ann"], [1, 2])
    with pytest.raises(ValueError, match="not a finite number"):
        RatingTable.of(["a"], ["ann"], [float("nan")])
    with pytest.raises(ValueError, match="numbers and names"):
        RatingTable.of(["a", "b"], ["ann", "ann"], [1, "good"])
    with pytest.raises(ValueError, match="equally many"):
        RatingTable.of(["a"], ["ann", "bob"], [1])
    with pytest.raises(ValueError, match="9 is not on the scale"):
        RatingTable.of(["a"], ["ann"], [9]).counts((1, 2))


FLEISS_1971 = (
    (0, 0, 0, 6, 0),
    (0, 3, 0, 0, 3),
    (0, 1, 4, 0, 1),
    (0, 0, 0, 0, 6),
    (0, 3, 0, 3, 0),
    (2, 0, 4, 0, 0),
    (0, 0, 4, 0, 2),
    (2, 0, 3, 1, 0),
    (2, 0, 0, 4, 0),
    (0, 0, 0, 0, 6),
    (1, 0, 0, 5, 0),
    (1, 1, 0, 4, 0),
    (0, 3, 3, 0, 0),
    (1, 0, 0, 5, 0),
    (0, 2, 0, 3, 1),
)
"""R's irrCAC: distrib.6raters, 15 of the patients of Fleiss (1971), Psychological Bulletin 76:378-382."""


def figures(result: Estimate | NotEnough) -> tuple[float, float, float]:
    interval = measured(result)
    return interval.value, interval.low, interval.high


# R's irrCAC, README, with its rounding: value and 95 % interval of gwet.ac1.*
@pytest.mark.parametrize(
    ("table", "value", "low", "high"),
    [
        (table_of(FOUR_RATERS), 0.77544, 0.461, 1),
        (of_counts(FLEISS_1971), 0.4448007, 0.264, 0.625),
    ],
)
def test_agreement_is_what_gwets_package_prints(table, value, low, high) -> None:
    numbers = figures(gwet_ac(table))
    assert numbers[0] == pytest.approx(value, abs=5.1e-6)
    assert numbers[1:] == pytest.approx((low, high), abs=5.1e-4)


def test_ac1_of_a_table_of_two_people_is_what_gwets_package_prints() -> None:
    # R's irrCAC, README: gwet.ac1.table(cont3x3abstractors), whose variance for two people has n where this has n − 1
    numbers = figures(gwet_ac(of_two(PREGNANCIES)))
    assert numbers[0] == pytest.approx(0.8493305, abs=5.1e-8)
    assert numbers[1:] == pytest.approx((0.764, 0.935), abs=1e-3)


# The Python package irrCAC by A. Fergadis, test/unit/irrCAC/raw/test_gwet.py, three decimals
@for_each(
    ("rows", "weights", "value", "low", "high"),
    [
        (FOUR_RATERS, "linear", 0.859, 0.600, 1),
        (FOUR_RATERS, "ordinal", 0.899, 0.664, 1),
        (FOUR_RATERS, "quadratic", 0.914, 0.685, 1),
        (FIVE_OBSERVERS, "identity", 0.497, 0.235, 0.758),
        (FOUR_RATERS_BY_GENDER, "identity", 0.208, 0.014, 0.403),
        (BEN_AND_GERRY, "identity", 0.661, 0.257, 1),
    ],
)
def test_agreement_is_what_another_package_tests(rows, weights, value, low, high) -> None:
    assert figures(gwet_ac(table_of(rows), weights=weights)) == pytest.approx((value, low, high), abs=5.1e-4)


def test_where_nearly_all_give_five_only_ac_sees_that_they_agree() -> None:
    # "the kappa paradox" (Feinstein & Cicchetti 1990, J. Clin. Epidemiol. 43:543-549): 86 of 100 pairs agree on 5
    counts = [(0, 0, 0, 0, 2)] * 86 + [(0, 0, 0, 1, 1)] * 10 + [(0, 0, 1, 0, 1)] * 4
    table = of_counts(counts)
    scale = range(5)
    assert measured(alpha(table, metric="ordinal")).value < 0.05
    assert measured(gwet_ac(table, scale=scale)).value > 0.8
    assert measured(gwet_ac(table, scale=scale, weights="quadratic")).value > 0.9


def test_values_that_nobody_gave_count_for_ac() -> None:
    table = table_of([[1, 2] * 8, [1, 2, 2, 1] * 4])
    assert measured(gwet_ac(table, scale=range(1, 6))).value > measured(gwet_ac(table)).value


MARKS = st.lists(st.tuples(*[st.integers(1, 5)] * 3), min_size=10, max_size=20)


@given(MARKS, st.randoms(), st.sampled_from(["identity", "ordinal", "linear", "quadratic"]))
def test_order_and_names_change_nothing_and_the_figure_is_within_its_interval(items, random, weights) -> None:
    table = table_of(list(zip(*items, strict=True)))
    shuffled = random.sample(items, len(items))
    second = table_of([tuple(reversed(side)) for side in reversed(list(zip(*shuffled, strict=True)))])
    interval, again = gwet_ac(table, weights=weights), gwet_ac(second, weights=weights)
    if isinstance(interval, NotEnough):
        assert interval == again
        return
    assert figures(again) == pytest.approx(figures(interval), abs=1e-9)
    assert -1 <= interval.low <= interval.value <= interval.high <= 1


@given(MARKS, st.permutations([1, 2, 3, 4, 5]))
def test_other_names_for_nominal_values_change_nothing(items, names) -> None:
    table = table_of(list(zip(*items, strict=True)))
    second = table_of([[f"name {names[mark - 1]}" for mark in row] for row in zip(*items, strict=True)])
    result, again = gwet_ac(table), gwet_ac(second)
    if not isinstance(result, NotEnough):
        assert figures(again) == pytest.approx(figures(result), abs=1e-9)


def test_perfect_agreement_is_one_and_its_interval_says_how_few_items_show_it() -> None:
    result = [measured(gwet_ac(table_of([[1, 2, 3, 4, 5] * n] * 3))) for n in (2, 40)]
    assert [(interval.value, interval.high) for interval in result] == [(1, 1), (1, 1)]
    assert result[0].low < 0.75 < 0.95 < result[1].low < 1


def test_no_agreement_is_reported_without_enough_ratings() -> None:
    few = gwet_ac(table_of([[1, 2, 3]] * 2))
    assert isinstance(few, NotEnough) and few.needed == "7 more items that two people rate"
    equal = gwet_ac(table_of([[5] * 30] * 2), scale=range(1, 6))
    assert isinstance(equal, NotEnough) and "all ratings are equal" in equal.reason
    with pytest.raises(ValueError, match="use identity weights"):
        gwet_ac(table_of([["a", "b"] * 6] * 2), weights="linear")


def test_items_that_are_drawn_together_count_as_one() -> None:
    items = [f"{i}" for i in range(24)]
    marks = [1, 2, 3, 1, 2, 2, 3, 3, 1, 2, 1, 3] * 2, [1, 2, 3, 2, 2, 2, 3, 1, 1, 2, 1, 1] * 2
    columns = items * 2, ["ann"] * 24 + ["bob"] * 24, [*marks[0], *marks[1]]
    alone = measured(gwet_ac(RatingTable.of(*columns)))
    paired = measured(gwet_ac(RatingTable.of(*columns, [f"{i % 12}" for i in range(24)] * 2)))
    assert (alone.value, alone.n, paired.n) == (pytest.approx(paired.value), 24, 12)
    assert paired.high - paired.low > 1.3 * (alone.high - alone.low)


def test_weights_go_from_one_to_nothing() -> None:
    for weights in ("identity", "ordinal", "linear", "quadratic"):
        result = agreement_weights((1, 2, 3, 4, 5), weights)
        assert result[0, 0] == 1 and result[0, 4] == 0
        assert (result == result.T).all()
    # Gwet's ordinal weights of five ranks: 1 − C(distance + 1, 2) / C(5, 2)
    assert agreement_weights((1, 2, 3, 4, 9), "ordinal")[0].tolist() == pytest.approx([1, 0.9, 0.7, 0.4, 0])

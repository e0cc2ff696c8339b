"""Tables of ratings: adding them, counting them, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from fairtrial.stats.review.rating_table import RatingTable

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
    assert table.counts == (((1, 0),), ((1, 0), (1, 1)))


def test_what_is_no_table_of_ratings_is_refused() -> None:
    with pytest.raises(ValueError, match="rated 'a' twice"):
        RatingTable.of(["a", "a"], ["ann", "ann"], [1, 2])
    with pytest.raises(ValueError, match="not a finite number"):
        RatingTable.of(["a"], ["ann"], [float("nan")])
    with pytest.raises(ValueError, match="numbers and names"):
        RatingTable.of(["a", "b"], ["ann", "ann"], [1, "good"])
    with pytest.raises(ValueError, match="equally many"):
        RatingTable.of(["a"], ["ann", "bob"], [1])

"""How many pairs want two people: enough to tell how far they agree, unless somebody says how many."""

import pytest

from evaluators.review.sampling import shared
from fairtrial.api.reviews import DEFAULT_SIZE
from fairtrial.domain.promises import MIN_ITEMS
from tests.fixtures.for_each import for_each


@for_each(("size", "count"), [(1, 0), (2, 1), (10, 5), (20, 10), (24, 12), (40, 12), (60, 12), (100, 20), (5000, 1000)])
def test_a_fifth_is_shared_and_twelve_or_half_at_the_least(size: int, count: int) -> None:
    assert shared(None, size) == count


def test_the_usual_queue_can_tell_how_far_people_agree_though_two_pairs_are_left_unjudged() -> None:
    assert shared(None, DEFAULT_SIZE) - 2 >= MIN_ITEMS


@pytest.mark.parametrize(("overlap", "count"), [(0.0, 0), (0.2, 8), (1.0, 40)])
def test_who_says_how_many_gets_so_many(overlap: float, count: int) -> None:
    assert shared(overlap, 40) == count

"""Ages in words: the largest unit that fits, never rounded up."""

from __future__ import annotations

from fairtrial.domain.wording import age
from tests.fixtures.for_each import for_each

SECOND = 1_000_000


@for_each(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (86_399, "23 hours ago"),
        (3 * 86_400 + 5, "3 days ago"),
        (1_200 * 86_400, "1,200 days ago"),
    ],
)
def test_an_age_names_the_largest_unit_that_fits(seconds: int, words: str) -> None:
    assert age(SECOND, SECOND + seconds * SECOND) == words


def test_a_time_of_a_clock_that_is_ahead_is_now() -> None:
    assert age(60 * 60 * SECOND, 0) == "just now"

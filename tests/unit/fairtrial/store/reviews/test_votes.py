"""What a vote says of what was shown: the side, the lengths while the texts are there, and whose it is."""

from __future__ import annotations

import pytest

from fairtrial.domain.review import Draft, Pair
from fairtrial.store.core.database import Database
from fairtrial.store.maintenance.retention import drop_old_texts
from fairtrial.store.reviews import assignment, queues, votes
from fairtrial.store.reviews.queues import NewQueue
from tests.fixtures.store.erasing import erase_unit

NOW, LATER = 1_800_000_000_000_000, 2_000_000_000_000_000
CANDIDATE = "naïve – yes"


@pytest.fixture
def voted(database: Database) -> Database:
    """A closed queue of two pairs, judged by one person."""
    queue = NewQueue("t", "s", "d", "tuned", "base", "d", "d", "new", "old")
    pairs = [Pair(f"c-{unit}", unit, (), None, CANDIDATE, "no", unit=unit) for unit in ("u-1", "u-2")]
    queue_id = queues.create(database, queue, pairs, now_us=NOW)
    while item := assignment.next_item(database, queue_id, "a-1", now_us=NOW).item:
        votes.submit(database, item.item_id, Draft("tie"), reviewer="a-1", name="Ann", now_us=NOW)
    queues.close(database, queue_id, by="local", now_us=NOW)
    return database


def shown_votes(database: Database) -> dict[str, tuple[str | None, int | None, str]]:
    """By the unit of the pair."""
    (queue,) = votes.read_evidence(database, "tuned", "base")
    return {vote.cluster: (vote.left, vote.longer, vote.name) for vote in queue.votes}


def left_arms(database: Database) -> dict[str, str]:
    """The arm whose answer was shown on the left, by the unit of the pair."""
    return dict(database.rows("SELECT cluster, left_arm FROM review_votes JOIN review_items USING (item_id)"))


def test_a_vote_records_the_left_side_and_how_many_characters_longer_the_candidate_was(voted: Database) -> None:
    left = left_arms(voted)
    assert shown_votes(voted) == {unit: (left[unit], 9, "Ann") for unit in ("u-1", "u-2")}


def test_answers_that_are_erased_or_no_longer_kept_have_no_length(voted: Database) -> None:
    left = left_arms(voted)
    erase_unit(voted, "somebody", "u-1")
    shown = shown_votes(voted)
    assert shown.pop("u-2") == (left["u-2"], 9, "Ann")
    ((renamed, erased),) = shown.items()
    assert renamed != "u-1" and erased == (left["u-1"], None, "Ann")
    drop_old_texts(voted, before_us=LATER)
    assert shown_votes(voted) == {renamed: erased, "u-2": (left["u-2"], None, "Ann")}

"""What a vote says of what was shown: the side, the lengths while the texts are there, and whose it is."""

from __future__ import annotations

import pytest

from fairtrial.store.core.database import Database
from fairtrial.store.maintenance.retention import drop_old_texts
from fairtrial.store.reviews import votes
from tests.fixtures.store.erasing import erase_unit

LATER = 2_000_000_000_000_000


@pytest.fixture
def voted(database: Database) -> Database:
    """A closed queue of two pairs, judged by one person."""
    with database.transaction() as cursor:
        cursor.execute(
            "INSERT INTO review_queues (queue_id, title, suite, suite_digest, candidate, baseline, candidate_digest,"
            " baseline_digest, closed_time) VALUES ('q', 't', 's', 'd', 'tuned', 'base', 'd', 'd', '2026-01-01')"
        )
        for item, unit, left in (("i1", "u-1", "candidate"), ("i2", "u-2", "baseline")):
            cursor.execute(
                "INSERT INTO review_items (item_id, queue_id, cluster, unit, asked, candidate_output, baseline_output,"
                " probability) VALUES (?, 'q', ?, ?, '[]', 'naïve – yes', 'no', 1)",
                [item, item, unit],
            )
            cursor.execute(
                "INSERT INTO review_votes (vote_id, item_id, queue_id, reviewer, reviewer_name, left_arm, preference,"
                " comment) VALUES (?, ?, 'q', 'a-1', 'Ann', ?, 'tie', '')",
                ["v" + item, item, left],
            )
    return database


def shown_votes(database: Database) -> list[tuple[str | None, int | None, str]]:
    (queue,) = votes.read_evidence(database, "tuned", "base")
    return [(vote.left, vote.longer, vote.name) for vote in queue.votes]


def test_a_vote_records_the_left_side_and_how_many_characters_longer_the_candidate_was(voted: Database) -> None:
    assert shown_votes(voted) == [("candidate", 9, "Ann"), ("baseline", 9, "Ann")]


def test_answers_that_are_erased_or_no_longer_kept_have_no_length(voted: Database) -> None:
    erase_unit(voted, "somebody", "u-1")
    assert shown_votes(voted) == [("candidate", None, "Ann"), ("baseline", 9, "Ann")]
    drop_old_texts(voted, before_us=LATER)
    assert shown_votes(voted) == [("candidate", None, "Ann"), ("baseline", None, "Ann")]

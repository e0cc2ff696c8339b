"""Pairs with equal answers in the store: they are drawn and counted with the queue, and nobody judges them."""

from __future__ import annotations

import pytest

from evaluators.review.training_rows import training_rows
from fairtrial.domain.errors import UsageError
from fairtrial.domain.review import Draft
from fairtrial.store.core.database import Database
from fairtrial.store.reviews import assignment, queues, votes
from tests.fixtures.evaluators.review_answers import NEW, NOW, OLD, enqueued, run_both


def judge_all(database: Database, queue_id: str) -> int:
    """One person calls every pair that they are given a tie; returns how many there were."""
    done = 0
    while (item := assignment.next_item(database, queue_id, "ann", now_us=NOW).item) is not None:
        votes.submit(database, item.item_id, Draft("tie"), reviewer="ann", name="Ann", now_us=NOW)
        done += 1
    return done


def test_nobody_is_asked_about_equal_answers_and_they_count_with_the_queue(database: Database) -> None:
    run_both(database, 40, equal=12)
    queue_id = enqueued(database, size=30, overlap=0.5)
    shown = queues.details(database, queue_id)
    rows = database.rows("SELECT wants, probability, case_id FROM review_items")
    assert {probability for _, probability, _ in rows} == {30 / 40}
    equal = sum(int(case_id.removeprefix("case-")) < 12 for *_, case_id in rows)
    assert (shown.items, shown.equal, len(rows)) == (30 - equal, equal, 30)
    assert 0 < equal == sum(wants == 0 for wants, *_ in rows)
    assert shown.sampling.shared == sum(wants == 2 for wants, *_ in rows) == round((30 - equal) / 2)
    assert judge_all(database, queue_id) == 30 - equal
    (mine,) = assignment.queues_of(database, "ann", now_us=NOW)
    assert (mine.items, mine.equal, mine.left) == (30 - equal, equal, 0)
    (read,) = votes.read_evidence(database, NEW, OLD)
    assert (read.items, len(read.equal)) == (30 - equal, equal)
    assert shown.title == f"tickets: {30 - equal} pairs"


def test_a_queue_is_complete_and_exported_without_votes_on_its_equal_pairs(database: Database) -> None:
    run_both(database, 20, equal=5)
    queue_id = enqueued(database, size=20)
    judge_all(database, queue_id)
    (read,) = votes.read_evidence(database, NEW, OLD)
    assert read.readable and (len(read.votes), read.settled, read.awaited) == (15, 15, 0)
    queues.close(database, queue_id, by="local", now_us=NOW)
    rows = votes.export_rows(database, queue_id)
    equal = [row for row in rows if row.equal_answers]
    assert (len(rows), len(equal)) == (20, 5)
    assert {(row.preference, row.reviewer, row.vote_id) for row in equal} == {("tie", None, None)}
    pairs = votes.export_pairs(database, queue_id)
    assert [len(pair.votes) for pair in pairs] == [0 if pair.equal_answers else 1 for pair in pairs]
    assert training_rows(pairs, "dpo").reasons == {"tie": 15, "the answers are the same": 5}


def test_a_queue_of_equal_answers_alone_is_refused_and_not_stored(database: Database) -> None:
    run_both(database, 10, equal=10)
    with pytest.raises(UsageError, match="tuned and base gave equal answers in all 10 pairs drawn from tickets"):
        enqueued(database, size=10)
    assert database.rows("SELECT count(*) FROM review_queues") == [(0,)]

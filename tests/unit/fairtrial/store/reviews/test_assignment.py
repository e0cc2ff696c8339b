"""A reviewer's desk: claimed, kept, judged, taken back; two reviewers are never in each other's way."""

from __future__ import annotations

import threading

import pytest

from fairtrial.domain.errors import BadRequest, Conflict, NotFound
from fairtrial.domain.promises import CLAIM_US
from fairtrial.domain.review import Draft, Next
from fairtrial.store.core.database import Database
from fairtrial.store.reviews import assignment, queues, votes
from tests.fixtures.evaluators.review_answers import NEW, NOW, OLD, filled

LEFT = Draft("left")


def take(database: Database, queue: str, who: str = "ann", now_us: int = NOW) -> Next:
    return assignment.next_item(database, queue, who, now_us=now_us)


def vote(database: Database, queue: str, who: str = "ann", draft: Draft = LEFT, now_us: int = NOW) -> str:
    item = take(database, queue, who, now_us).item
    assert item is not None
    votes.submit(database, item.item_id, draft, reviewer=who, name=who, now_us=now_us)
    return item.item_id


def test_the_item_that_is_held_comes_again_with_its_draft(database: Database) -> None:
    queue = filled(database)
    first = take(database, queue).item
    draft = Draft("right", {"left": {"tone": 4}, "right": {}}, "kind", {"left": None, "right": "better so"}, True)
    assignment.save(database, first.item_id, draft, reviewer="ann", now_us=NOW)
    again = take(database, queue, now_us=NOW + CLAIM_US - 1).item
    assert (again.item_id, again.answers, again.draft) == (first.item_id, first.answers, draft)
    assert again.expires_us == NOW + 2 * CLAIM_US - 1


def test_a_draft_survives_a_night_if_nobody_took_the_item(database: Database) -> None:
    queue = filled(database)
    first = take(database, queue).item
    assignment.save(database, first.item_id, LEFT, reviewer="ann", now_us=NOW)
    again = take(database, queue, now_us=NOW + 100 * CLAIM_US)
    assert (again.item.item_id, again.item.draft) == (first.item_id, LEFT)


def test_a_late_draft_after_the_claim_is_lost_is_refused_and_touches_nothing(database: Database) -> None:
    queue = filled(database, 1)
    item = take(database, queue, "ann").item.item_id
    assert take(database, queue, "ben").item is None and take(database, queue, "ben").waiting == 1
    later = NOW + CLAIM_US + 1
    assert take(database, queue, "ben", later).item.item_id == item
    theirs = Draft("tie", comment="mine")
    assignment.save(database, item, theirs, reviewer="ben", now_us=later)
    for late in (
        lambda: assignment.save(database, item, LEFT, reviewer="ann", now_us=later),
        lambda: votes.submit(database, item, LEFT, reviewer="ann", name="ann", now_us=later),
        lambda: votes.skip(database, item, "", reviewer="ann", now_us=later),
    ):
        with pytest.raises(Conflict, match="another reviewer has it"):
            late()
    held = take(database, queue, "ben", later).item
    assert held.draft == theirs and held.expires_us == later + CLAIM_US
    assert votes.submit(database, item, theirs, reviewer="ben", name="ben", now_us=later).done == 1


def test_nobody_judges_twice_and_a_sole_reviewer_reaches_the_end(database: Database) -> None:
    queue = filled(database, 5, overlap=1.0)
    seen = [vote(database, queue) for _ in range(5)]
    assert len(set(seen)) == 5
    end = take(database, queue)
    assert end.item is None and end.waiting == 0
    assert (end.progress.done, end.progress.total, end.progress.mine_done) == (5, 5, 5)
    with pytest.raises(Conflict, match="already judged this pair"):
        votes.submit(database, seen[0], LEFT, reviewer="ann", name="ann", now_us=NOW)


def test_a_fifth_of_the_items_wants_a_second_person(database: Database) -> None:
    queue = filled(database, 20, overlap=0.2)
    for _ in range(20):
        vote(database, queue, "ann")
    second = [vote(database, queue, "ben") for _ in range(4)]
    assert len(set(second)) == 4
    assert take(database, queue, "ben").item is None
    assert queues.details(database, queue).votes == 24


def test_votes_stay_hidden_until_the_second_person_has_judged_the_shared_pairs(database: Database) -> None:
    queue = filled(database, 20, overlap=0.2)

    def evidence_counts() -> tuple[bool, int, int, int]:
        (evidence,) = votes.read_evidence(database, NEW, OLD)
        return evidence.readable, evidence.settled, evidence.awaited, len(evidence.votes)

    for _ in range(20):
        vote(database, queue, "ann")
    assert evidence_counts() == (False, 16, 4, 0)
    for _ in range(3):
        vote(database, queue, "ben")
    assert evidence_counts() == (False, 19, 1, 0)
    vote(database, queue, "ben")
    assert evidence_counts() == (True, 20, 0, 24)
    votes.undo(database, queue, reviewer="ben", now_us=NOW)
    assert evidence_counts() == (True, 20, 1, 23), "what could once be read is not hidden by an undo"


def test_a_queue_with_shared_pairs_is_read_once_it_is_closed(database: Database) -> None:
    queue = filled(database, 4, overlap=0.5)
    for _ in range(4):
        vote(database, queue, "ann")
    queues.close(database, queue, by="meg", now_us=NOW)
    (result,) = votes.read_evidence(database, NEW, OLD)
    assert (result.readable, len(result.votes)) == (True, 4)


def test_items_with_the_fewest_votes_come_first(database: Database) -> None:
    queue = filled(database, 6, overlap=1.0)
    first = {vote(database, queue, "ann") for _ in range(3)}
    then = [vote(database, queue, "ben") for _ in range(6)]
    assert set(then[3:]) == first


def test_a_skipped_item_does_not_come_again_to_who_skipped_it(database: Database) -> None:
    queue = filled(database, 2)
    item = take(database, queue).item.item_id
    votes.skip(database, item, "I know the author", reviewer="ann", now_us=NOW)
    vote(database, queue, "ann")
    assert take(database, queue, "ann").item is None
    assert take(database, queue, "ben").item.item_id == item
    (row,) = assignment.queues_of(database, "ann", now_us=NOW)
    assert (row.mine.done, row.mine.skipped, row.left) == (1, 1, 0)


def test_undo_brings_back_up_to_ten_votes_as_they_were(database: Database) -> None:
    queue = filled(database, 12)
    unmarked = {"accuracy": None, "tone": None, "usefulness": None}
    marks = {"left": unmarked | {"accuracy": 5, "tone": 2}, "right": unmarked | {"usefulness": 3}}
    draft = Draft("right", marks, "too curt", {"left": "kinder", "right": None}, True)
    items = [vote(database, queue, draft=draft, now_us=NOW + n) for n in range(12)]
    for item in reversed(items[2:]):
        back = votes.undo(database, queue, reviewer="ann", now_us=NOW + 100)
        assert back.item.item_id == item
        assert back.item.draft == draft
    assert back.progress.mine_done == 2
    with pytest.raises(Conflict, match="last 10"):
        votes.undo(database, queue, reviewer="ann", now_us=NOW + 100)


def test_undo_lays_the_held_item_aside_with_its_draft_and_both_are_judged_in_turn(database: Database) -> None:
    queue = filled(database, 3)
    first = vote(database, queue)
    second = take(database, queue).item.item_id
    assignment.save(database, second, Draft("tie"), reviewer="ann", now_us=NOW)
    assert votes.undo(database, queue, reviewer="ann", now_us=NOW).item.item_id == first
    assert vote(database, queue, draft=Draft("both_bad")) == first
    back = take(database, queue).item
    assert (back.item_id, back.draft) == (second, Draft("tie"))
    (votes_left, gone) = queues.details(database, queue).votes, database.rows("SELECT * FROM review_undone")
    assert (votes_left, len(gone)) == (1, 1)


def test_a_vote_needs_an_outcome_and_a_low_mark_needs_a_reason(database: Database) -> None:
    queue = filled(database)
    item = take(database, queue).item.item_id
    for lacking, words in ((Draft(), "outcome"), (Draft("tie", {"right": {"tone": 2}}, "  "), "tone of the right")):
        with pytest.raises(BadRequest, match=words):
            votes.submit(database, item, lacking, reviewer="ann", name="ann", now_us=NOW)
    vote(database, queue, draft=Draft("tie", {"right": {"tone": 2, "accuracy": None}}, "curt"))


def test_a_closed_queue_takes_nothing_more(database: Database) -> None:
    queue = filled(database)
    item = take(database, queue).item.item_id
    assert queues.details(database, queue).preferences is None
    queues.close(database, queue, by="meg", now_us=NOW)
    for late in (
        lambda: take(database, queue),
        lambda: assignment.save(database, item, LEFT, reviewer="ann", now_us=NOW),
        lambda: votes.undo(database, queue, reviewer="ann", now_us=NOW),
        lambda: queues.close(database, queue, by="meg", now_us=NOW),
    ):
        with pytest.raises(Conflict, match="closed"):
            late()


def test_an_unknown_queue_or_item_is_an_error(database: Database) -> None:
    with pytest.raises(NotFound, match="no queue"):
        take(database, "nothing")
    with pytest.raises(NotFound, match="no item"):
        assignment.save(database, "nothing", LEFT, reviewer="ann", now_us=NOW)
    with pytest.raises(NotFound, match="no queue"):
        queues.details(database, "nothing")


def test_eight_reviewers_at_once_never_hold_the_same_item(database: Database) -> None:
    queue = filled(database, 40, overlap=0.0)
    judged: list[str] = []
    troubles: list[Exception] = []

    def work(who: str) -> None:
        try:
            while (item := take(database, queue, who).item) is not None:
                assignment.save(database, item.item_id, LEFT, reviewer=who, now_us=NOW)
                votes.submit(database, item.item_id, LEFT, reviewer=who, name=who, now_us=NOW)
                judged.append(item.item_id)
        except Exception as error:  # noqa: BLE001 - a thread's trouble is told by the test
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert len(judged) == len(set(judged)) == 40

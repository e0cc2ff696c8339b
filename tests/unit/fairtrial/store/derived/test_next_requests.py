"""What a unit does after a request is found by keyed hashes of its words, and adds to the sums of its arm."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fairtrial.domain.events import RequestEvent
from fairtrial.domain.limits.constants import MINUTE_US
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.store import live_experiment as live, samples
from tests.fixtures.store.erasing import erase_unit

FIRST = "How do I cancel my yearly subscription?"
REWORDED = "I want to cancel my subscription, how do I do that?"
OTHER = "Which payment methods does your shop accept?"
NEXT = "SELECT request_id, question, next_request FROM requests ORDER BY request_id"
SUMS = """
SELECT variant, sum(followed)::INT, sum(questions)::INT, sum(asked_again)::INT, sum(regenerated)::INT,
    sum(left_after_error)::INT, sum(not_continued)::INT, sum(sent)::INT
FROM unit_sums GROUP BY variant ORDER BY variant
"""
BEGIN = live.STARTED + MINUTE_US
FAILED = {"outcome": "error", "arm_outcome": "failed", "user_outcome": "failed"}


def asks(number: int, text: str, *, minute: float = 0.0, role: str = "user", **more: Any) -> RequestEvent:
    """A question of unit ``u`` so many minutes after the first."""
    body = {"messages": [{"role": "user", "content": "Hello there, good morning"}, {"role": role, "content": text}]}
    fields: dict[str, Any] = {"unit": "u", "prompt_digest": f"{text} {number}", "assigned": "tuned"}
    at_us = BEGIN + round(minute * MINUTE_US)
    body_text = msgspec.json.encode(body).decode()
    return samples.exposed(number, at_us=at_us, request_body=body_text, **(fields | more))


class Traffic:
    """A store whose clock a test sets."""

    def __init__(self, database: Database) -> None:
        self.database, self.now_us = database, BEGIN
        live.store_plans(database, live.plan())
        self.ingester = Ingester(database, lambda: self.now_us)

    def bring(self, *events: RequestEvent, minute: float = 0.0) -> None:
        self.now_us = BEGIN + round(minute * MINUTE_US)
        if events:
            writer = JournalWriter(self.database.layout.journal, writer="w")
            assert writer.append(*events)
            writer.close()
        self.ingester.catch_up()

    def next_requests(self) -> list[str | None]:
        return [found for _, _, found in self.database.rows(NEXT)]


@pytest.fixture
def traffic(database: Database) -> Traffic:
    return Traffic(database)


def test_each_way_to_go_on_is_found_half_an_hour_later(traffic: Traffic) -> None:
    traffic.bring(
        asks(1, FIRST),
        asks(2, REWORDED, minute=2),
        asks(3, OTHER, minute=4, prompt_digest="same"),
        asks(4, OTHER, minute=6, prompt_digest="same"),
        asks(5, "Where is my parcel with the number 17?", minute=8, **FAILED),
        minute=30,
    )
    assert traffic.next_requests() == [None] * 5
    assert traffic.database.rows(SUMS) == [("tuned", 5, 5, 0, 0, 0, 0, 5)]
    traffic.bring(minute=40)
    assert traffic.next_requests() == ["reworded", None, "repeated", None, "none"]
    assert traffic.database.rows(SUMS) == [("tuned", 5, 5, 1, 1, 1, 3, 5)]
    assert traffic.database.rows("SELECT count(*) FROM recent_turns") == [(0,)]


def test_sums_do_not_depend_on_when_requests_are_summed(traffic: Traffic) -> None:
    """Requests that are settled before they are summed add the same, in any order and in many passes."""
    events = [asks(1, FIRST), asks(2, REWORDED, minute=2), asks(3, OTHER, minute=4, **FAILED)]
    for event in reversed(events):
        traffic.bring(event, minute=5)
    traffic.bring(minute=50)
    sums = traffic.database.rows(SUMS)
    assert sums == [("tuned", 3, 3, 1, 0, 1, 2, 3)]
    with traffic.database.transaction() as cursor:
        cursor.execute("DELETE FROM unit_sums")
        cursor.execute("DELETE FROM watermarks WHERE starts_with(name, 'unit_sums')")
    Ingester(traffic.database, lambda: 1).catch_up()
    assert traffic.database.rows(SUMS) == sums


def test_what_is_no_question_is_not_compared(traffic: Traffic) -> None:
    """A tool's result, a short answer, a text in another experiment's request and a retry of the client."""
    traffic.bring(
        asks(1, FIRST),
        asks(2, FIRST, minute=1, role="tool"),
        asks(3, "yes, please", minute=2),
        asks(4, FIRST, minute=3, prompt_digest=f"{FIRST} 1", retry_ordinal=1),
        asks(5, REWORDED, minute=15),
        asks(6, "alone", unit="v", unit_kind="request", minute=1),
        samples.record(7, at_us=BEGIN, request_body="{}"),
        minute=60,
    )
    assert traffic.database.rows(NEXT) == [
        ("r-1", True, "reworded"),
        ("r-2", False, None),
        ("r-3", False, None),
        ("r-4", True, None),
        ("r-5", True, "none"),
        ("r-6", None, None),
        ("r-7", None, None),
    ]


def test_a_follow_up_after_ten_minutes_asks_nothing_again(traffic: Traffic) -> None:
    traffic.bring(asks(1, FIRST), asks(2, REWORDED, minute=11), asks(3, FIRST, minute=25), minute=90)
    assert traffic.next_requests() == [None, None, "none"]


def test_questions_in_scripts_without_spaces_are_compared(traffic: Traffic) -> None:
    asked, again = "定期購入を解約する方法を教えてください", "定期購入の解約方法を知りたいです"
    traffic.bring(asks(1, asked), asks(2, again, minute=1), asks(3, "支払い方法は何がありますか", minute=2), minute=40)
    assert traffic.next_requests() == ["reworded", None, "none"]


def test_an_erasure_removes_what_waits_for_its_outcome(traffic: Traffic) -> None:
    traffic.bring(asks(1, FIRST), asks(2, OTHER, unit="another"))
    waiting = "SELECT request_id, len(words) > 3 FROM recent_turns ORDER BY request_id"
    assert traffic.database.rows(waiting) == [("r-1", True), ("r-2", True)]
    erase_unit(traffic.database, "somebody", "u")
    assert traffic.database.rows(waiting) == [("r-2", True)]

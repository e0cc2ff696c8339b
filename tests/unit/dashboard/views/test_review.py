"""The desk on the server: each step once, in order, and only what a reviewer may see goes to the browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from dashboard.client import Control
from dashboard.views.review import PUBLIC_FIELDS, Problem, ReviewSession, Step, without_old_drafts

NEXT = "/api/reviews/queues/q/next"


class Answers:
    """Control on a real socket: answers from a list, by status (0 closes the connection), and what was asked."""

    def __init__(self) -> None:
        self.left: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.control = Control(f"http://127.0.0.1:{self._server.server_port}")
        Thread(target=self._server.serve_forever, daemon=True).start()

    def will(self, *answers: tuple[int, Any]) -> Control:
        self.left += answers
        return self.control

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, answers: Answers, *rest: Any) -> None:
        self.answers = answers
        super().__init__(*rest)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.answers.asked.append((self.command, self.path))
        status, body = self.answers.left.pop(0)
        if status:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    do_PUT = do_POST  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_: Any) -> None:
        pass


GONE = (0, None)
PROGRESS = {"done": 0, "total": 4, "mine_done": 0}
VOTED = {"progress": PROGRESS}


def refused(status: int, message: str = "no") -> tuple[int, Any]:
    return status, {"error": {"message": message, "type": "x"}}


@pytest.fixture
def answers() -> Iterator[Answers]:
    made = Answers()
    yield made
    made.stop()


def found(item_id: str, **more: Any) -> dict[str, Any]:
    item = {"item_id": item_id, "prompt": [], "reference": None, "answers": {}, "draft": None, "masked": False}
    item |= {"expires_us": 1, **more}
    return {"item": item, "progress": PROGRESS, "waiting": 0}


def step(n: int, kind: str, item_id: str | None = "a") -> Step:
    return Step(n, kind, item_id, {"outcome": "tie"})


def desk() -> ReviewSession:
    return ReviewSession("q", "Tickets", [], clock=iter(range(0, 1000, 30)).__next__)


def test_a_step_is_done_once_however_often_it_comes(answers: Answers) -> None:
    control, mine = answers.will((200, VOTED), (200, found("b"))), desk()
    mine.apply(control, [step(1, "submit")])
    mine.apply(control, [step(1, "submit")])
    assert answers.asked == [("POST", "/api/reviews/items/a/submit"), ("POST", NEXT)]
    assert (mine.done, mine.state()["item"]["item_id"]) == (1, "b")


def test_what_control_does_not_hear_stays_for_the_next_try_and_a_vote_that_is_in_is_not_sent_again(
    answers: Answers,
) -> None:
    control, mine = answers.will(GONE, (200, VOTED), GONE, (200, found("b"))), desk()
    mine.apply(control, [step(1, "submit")])
    assert (mine.done, mine.problem and mine.problem.kind) == (0, "away")
    mine.apply(control, [step(1, "submit")])
    assert (mine.done, mine.item) == (1, None), "the vote is in, only the next pair is not"
    mine.apply(control, [step(2, "next", None)])
    assert (mine.done, mine.state()["item"]["item_id"]) == (2, "b")
    assert [path for _, path in answers.asked].count("/api/reviews/items/a/submit") == 2, "one of them got no answer"


def test_a_lost_claim_is_shown_and_the_next_pair_taken(answers: Answers) -> None:
    control, mine = answers.will(refused(409, "this pair is no longer yours"), (200, found("b"))), desk()
    mine.apply(control, [step(1, "draft")])
    assert mine.problem == Problem(1, "lost", "This pair is no longer yours")
    assert mine.state()["item"]["item_id"] == "b"


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_refusal_that_may_pass_keeps_the_step(answers: Answers, status: int) -> None:
    mine = desk()
    mine.apply(answers.will(refused(status)), [step(1, "draft")])
    assert mine.done == 0


def test_the_browser_gets_no_field_that_is_not_named(answers: Answers) -> None:
    mine = desk()
    mine.take_next(answers.will((200, found("a", candidate="tuned", latency_ms=3))))
    assert set(mine.state()["item"]) == set(PUBLIC_FIELDS)


def test_drafts_that_a_later_step_says_again_are_left_out() -> None:
    steps = [step(1, "draft"), step(2, "draft"), step(3, "submit"), step(4, "undo", None), step(5, "draft")]
    assert [each.n for each in without_old_drafts(steps)] == [3, 4, 5]
    assert [each.n for each in without_old_drafts([step(1, "draft"), step(2, "skip")])] == [1, 2]

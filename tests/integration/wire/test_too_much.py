"""Bodies that would hold up the event loop: refused, passed on unread, left out of the record; and traffic goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running
from tests.fixtures.gateway.module_gateway import DIRECT, post
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

NEAR_IBAN = "DE88370411441532113011 "
MANY_NAMES = "{" + ",".join(f'"{number:x}":1' for number in range(60_000)) + "}"


@pytest.fixture(name="wide", scope="module")
def wide_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("too-much"), max_body=2**25) as rig:
        yield rig


@pytest.fixture(name="rig")
def rig_fixture(wide: Rig, upstream: FakeUpstream) -> Rig:
    wide.publish(plan_for(upstream.url))
    wide.forget()
    return wide


def left_out(rig: Rig, reason: str) -> int:
    text = httpx.get(f"{rig.root}/metrics").text
    return int(total(text, "bodies_left_out_total", reason=reason))


def unread(rig: Rig) -> int:
    text = httpx.get(f"{rig.root}/metrics").text
    return int(total(text, "answers_unread_total"))


def asked(text: str) -> dict[str, Any]:
    return {**DIRECT, "messages": [{"role": "user", "content": text}]}


@pytest.mark.parametrize(
    "path",
    ["chat/completions", "completions", "embeddings", "responses", "responses/compact", "responses/input_tokens"],
)
def test_a_request_of_many_names_is_refused_before_it_is_decoded(rig: Rig, upstream: FakeUpstream, path: str) -> None:
    error = refused(rig, path, 60_000)
    assert (error["type"], error["code"]) == ("invalid_request_error", "too_much_structure")
    assert error["message"] == "body: has more than 50000 names"
    assert not upstream.seen


def test_so_is_one_of_millions(rig: Rig) -> None:
    assert refused(rig, "chat/completions", 2_200_000)["message"] == "body: has more than 200000 texts and names"


def refused(rig: Rig, path: str, names: int) -> dict[str, Any]:
    body = '{"model":"base-direct","x":{' + ",".join(f'"{number:x}":1' for number in range(names)) + "}}"
    answer = httpx.post(
        f"{rig.url}/{path}", content=body, headers={"content-type": "application/json"}, timeout=PATIENCE
    )
    assert answer.status_code == 400
    error: dict[str, Any] = answer.json()["error"]
    return error


@pytest.mark.parametrize("field", ["metadata", "conversation", "user", "stream_options"])
def test_a_field_that_is_read_whole_has_a_limit_of_its_own(rig: Rig, field: str) -> None:
    content = {"model": "bot", "stream": True, "messages": [], field: {str(number): 1 for number in range(5_001)}}
    answer = post(rig, content, path="/responses" if field == "conversation" else "/chat/completions")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == f"{field}: has more than 5000 names"


def test_nesting_without_end_is_refused(rig: Rig) -> None:
    deep = "[" * 20_000 + "]" * 20_000
    answer = httpx.post(
        rig.url + "/chat/completions",
        content=f'{{"model":"base-direct","x":{deep}}}',
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "body: is nested too deeply")


def test_an_answer_of_too_many_names_is_passed_on_unread_and_counted(rig: Rig) -> None:
    before = unread(rig)
    body = '{"id":"c","usage":{"prompt_tokens":7,"completion_tokens":4},"x":' + MANY_NAMES + "}"
    script = {"kind": "bytes", "headers": {"content-type": "application/json"}, "body": body}
    assert post(rig, {**DIRECT, "fake": script}).text == body
    event = rig.await_events("request", 1)[-1]
    assert (event["outcome"], event["tokens_in"], event["response_id"]) == ("ok", None, None)
    assert unread(rig) == before + 1


def test_so_is_an_event_of_a_stream_and_the_others_are_read(rig: Rig) -> None:
    before = unread(rig)
    events = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    events += f'data: {{"id":"c","choices":[],"x":{MANY_NAMES}}}\n\n'
    events += 'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4}}\n\ndata: [DONE]\n\n'
    script = {"kind": "bytes", "headers": {"content-type": "text/event-stream"}, "body": events}
    options = {"stream": True, "stream_options": {"include_usage": True}}
    assert post(rig, {**DIRECT, **options, "fake": script}).text == events
    event = rig.await_events("request", 1)[-1]
    assert (event["outcome"], event["tokens_in"], event["response_body"]) == ("ok", 7, None)
    assert unread(rig) == before + 1


def test_a_large_body_of_look_alikes_is_redacted_in_turns_and_recorded(rig: Rig) -> None:
    text = NEAR_IBAN * 2_000 + "mail a@b.io"
    assert post(rig, asked(text)).status_code == 200
    recorded = json.loads(rig.await_events("request", 1)[-1]["request_body"])
    assert recorded["messages"][0]["content"] == NEAR_IBAN * 2_000 + "mail [email]"


@pytest.mark.parametrize(("text", "reason"), [("x" * 300_000, "size"), ("12.12.12.12/" + "1:2:: " * 3_000, "work")])
def test_a_body_beyond_what_is_recorded_is_left_out_and_counted(rig: Rig, text: str, reason: str) -> None:
    before = left_out(rig, reason)
    answer = post(rig, asked(text))
    assert answer.status_code == 200
    event = rig.await_events("request", 1)[-1]
    assert (event["request_body"], event["capture"], event["outcome"]) == (None, "redacted", "ok")
    assert json.loads(event["response_body"]) == answer.json()
    assert left_out(rig, reason) == before + 1


def test_feedback_of_more_text_than_is_looked_at_is_refused_whole(rig: Rig) -> None:
    item = {"request_id": "r", "key": "k", "value": True, "comment": NEAR_IBAN * 800}
    answer = httpx.post(f"{rig.url}/feedback", json=[item] * 1000, timeout=PATIENCE)
    assert answer.status_code == 413
    answer = httpx.post(f"{rig.url}/feedback", json=[item] * 100, timeout=PATIENCE)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (413, "feedback_too_large")
    assert error["message"].startswith("feedback: its texts have 1840000 characters together (at most 262144 ")
    assert not rig.events("feedback")


def test_feedback_up_to_the_limit_is_redacted_and_recorded(rig: Rig) -> None:
    item = {"request_id": "r", "key": "k", "value": True, "comment": "word " * 2_500 + NEAR_IBAN * 100 + "a@b.io"}
    answer = httpx.post(f"{rig.url}/feedback", json=[item] * 17, timeout=PATIENCE)
    assert (answer.status_code, {one["text_recorded"] for one in answer.json()}) == (202, {True})
    events = rig.await_events("feedback", 17)
    assert {event["comment"] for event in events} == {"word " * 2_500 + NEAR_IBAN * 100 + "[email]"}


def test_texts_of_feedback_that_are_too_much_work_are_left_out_and_marked(rig: Rig) -> None:
    before = left_out(rig, "feedback")
    item = {"request_id": "r", "key": "k", "value": True, "comment": NEAR_IBAN * 800}
    answer = httpx.post(f"{rig.url}/feedback", json=[item] * 14, timeout=PATIENCE)
    recorded = [one["text_recorded"] for one in answer.json()]
    assert (answer.status_code, recorded) == (202, [True] * 3 + [False] * 11)
    events = rig.await_events("feedback", 14)
    assert [event["comment"] is not None for event in events] == recorded
    assert all(event["boolean"] for event in events)
    assert left_out(rig, "feedback") == before + 11


def test_feedback_of_too_many_names_is_refused_before_it_is_decoded(rig: Rig) -> None:
    answer = httpx.post(f"{rig.url}/feedback", content=MANY_NAMES, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "too_much_structure")

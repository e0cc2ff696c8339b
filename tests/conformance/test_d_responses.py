"""D2, D3 and D5: answers of the Responses API are the upstream's own, whole or as numbered events."""

from __future__ import annotations

import json

import openai
import pytest

from tests.conformance.harness.response_scripts import FUTURE, STREAMS, TERMINAL
from tests.conformance.harness.response_streams import ASK, PATH, VIEWS, Speaks, data, events, final_view
from tests.conformance.harness.stream_fixture import BEARER, Pair, sent, sync_client, told
from tests.fixtures.gateway.raw_client import RawClient, Received
from tests.fixtures.upstream.manual_upstream import STREAM_HEAD, plays
from tests.fixtures.upstream.responses import USAGE

WHOLE = {"model": "plain", "input": "q"}


@pytest.mark.parametrize("case", STREAMS)
def test_d2_the_events_of_a_response_are_the_upstreams_to_the_byte(pair: Pair, case: str) -> None:
    straight, through = pair.bodies(Speaks(STREAMS[case]), ASK, PATH)
    assert through.body == straight.body
    assert (through.headers["content-type"], through.ending) == (straight.headers["content-type"], "whole")
    assert b"[DONE]" not in through.body
    made = data(through.body)
    assert [event["sequence_number"] for event in made] == list(range(len(made)))
    assert [event["type"] for event in made][:2] == ["response.created", "response.in_progress"]
    assert made[-1]["type"] == TERMINAL.get(case, "response.completed")
    named = [line[7:].decode() for line in through.body.split(b"\n") if line.startswith(b"event: ")]
    assert named == [event["type"] for event in made]


@pytest.mark.parametrize("case", STREAMS)
def test_d2_every_client_sees_the_events_and_the_final_response_that_it_sees_straight(pair: Pair, case: str) -> None:
    pair.upstream.script = Speaks(STREAMS[case])
    for view in VIEWS:
        straight, through = pair.both(lambda port, view=view: told(view(port, ASK)))  # type: ignore[misc]
        assert through == straight, view.__name__
    _, *final = final_view(pair.gateway, ASK).chunks
    assert bool(final) == (case not in TERMINAL)


def test_d2_an_event_that_is_not_known_yet_reaches_the_client_with_its_fields(pair: Pair) -> None:
    pair.upstream.script = Speaks(STREAMS["events that are not known yet"])
    with sync_client(pair.gateway) as asking:
        seen = [sent(event) for event in asking.responses.create(**ASK)]
    assert FUTURE in [{name: value for name, value in one.items() if name != "sequence_number"} for one in seen]


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_d2_other_line_ends_pass(pair: Pair, ends: str) -> None:
    pieces = [made.replace(b"\n", ends.encode()) for made in events({})]
    straight, through = pair.bodies(plays(*pieces), ASK, PATH)
    assert through.body == straight.body == b"".join(pieces)


def test_d2_each_event_arrives_before_the_upstream_sends_the_next(pair: Pair) -> None:
    with RawClient(pair.gateway) as asking:
        asking.post(ASK, PATH, **BEARER)
        asked = pair.upstream.next()
        asked.raw(STREAM_HEAD)
        got = Received()
        for count, made in enumerate(events({}), 1):
            asked.stream(made)
            asking.more(got, lambda got, count=count: len(got.chunks) >= count)  # type: ignore[misc]
        assert got.chunks == events({})
        asked.end()
        asking.more(got)
    assert got.ending == "whole"


def test_d2_a_stream_that_breaks_off_is_an_error_to_the_client_and_no_terminal_event_is_made_up(pair: Pair) -> None:
    begun = events({})[:4]
    pair.upstream.script = plays(*begun, ending="reset", pause=0.02)
    with pytest.raises(openai.APIError) as caught, sync_client(pair.gateway) as asking:
        for _ in asking.responses.create(**ASK):
            pass
    assert caught.value.code == "upstream_reset"
    row = pair.rig.await_events("request", 1)[-1]
    assert (row["outcome"], row["endpoint"], row["error_code"]) == ("partial", "/responses", "upstream_reset")


def test_d3_the_usage_of_a_response_is_counted_from_json_and_from_a_stream(pair: Pair) -> None:
    for ask in (WHOLE, ASK):
        straight, through = pair.bodies(Speaks(), ask, PATH)
        if ask is WHOLE:
            one, other = json.loads(straight.body), json.loads(through.body)
            assert {**other, "id": one["id"]} == one
            assert other["usage"] == USAGE
        else:
            assert data(through.body)[-1]["response"]["usage"] == USAGE
    rows = pair.rig.await_events("request", 2)
    assert [(row["tokens_in"], row["tokens_out"], row["usage_source"]) for row in rows] == [(7, 4, "provider")] * 2
    assert [row["outcome"] for row in rows] == ["ok", "ok"]


def test_d5_a_response_is_asked_of_responses_and_of_nothing_else(pair: Pair) -> None:
    speaks = Speaks()
    asked = {**WHOLE, "instructions": "Be kind.", "reasoning": {"effort": "low"}, "x": {"n": 1.50, "null": None}}
    pair.bodies(speaks, asked, PATH)
    assert [(one.method, one.path) for one in speaks.seen] == [("POST", PATH)] * 2
    straight, through = (one.json for one in speaks.seen)
    assert {**through, "model": "plain"} == straight, "nothing but the model's name differs"


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_d1_an_upstreams_error_is_the_same_with_the_gateway_between(pair: Pair, status: int) -> None:
    error = {"error": {"message": "no", "type": "t", "param": "input", "code": "c"}}
    for ask in (WHOLE, ASK):
        straight, through = pair.bodies(lambda asked: asked.json_answer(error, status), ask, PATH)
        assert (through.status, through.body) == (straight.status, straight.body)

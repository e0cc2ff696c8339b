"""C12 with ``on_disconnect: drain``: what the caller left is read to its end for its usage, up to a cap."""

from __future__ import annotations

import time
from typing import Any

from tests.conformance.harness.stream_events import HELLO, USAGE, wire
from tests.conformance.harness.stream_fixture import ASK, BEARER, Pair
from tests.conformance.harness.stream_moments import (
    Moment,
    after_the_last_token,
    before_headers,
    before_the_first_token,
    each_moment,
    in_the_middle_of_an_answer,
    in_the_middle_of_an_event,
    mid_stream,
    one_row,
)
from tests.fixtures.gateway.raw_client import RawClient
from tests.fixtures.upstream.manual_upstream import JSON_HEAD, STREAM_HEAD, Exchange


@each_moment
def test_c12_an_upstream_that_is_drained_is_read_to_its_end_for_its_usage(
    pair: Pair, ask: dict[str, Any], moment: Moment
) -> None:
    with one_row(pair) as row:
        with RawClient(pair.gateway) as client:
            client.post({**ask, "model": "drained"}, **BEARER)
            asked = pair.upstream.next()
            moment(asked, client)
        _go_on(asked, moment)
    assert (row["tokens_in"], row["tokens_out"], row["usage_source"]) == (7, 4, "provider")


def _go_on(asked: Exchange, moment: Moment) -> None:
    """What an upstream sends that does not know that the caller left."""
    time.sleep(0.2)  # nothing here tells when the gateway has seen it: later, the answer counts as served
    if "stream" not in asked.json:
        body = b'{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4}}'.ljust(100)
        begun = moment is in_the_middle_of_an_answer
        asked.raw(body[6:] if begun else JSON_HEAD % (200, 100) + body)
        return asked.end(chunked=False)
    assert asked.json["stream_options"]["include_usage"]
    usage = wire([{"choices": [], "usage": USAGE}])
    rest = {
        before_headers: wire(HELLO)[:-1], before_the_first_token: wire(HELLO)[:-1], mid_stream: wire(HELLO)[2:-1],
        in_the_middle_of_an_event: [b'": 1}\n\n', *wire(HELLO)[1:-1]], after_the_last_token: [],
    }  # fmt: skip
    if moment is before_headers:
        asked.raw(STREAM_HEAD)
    asked.stream(*rest[moment], *usage, pause=0.005)
    return asked.end()


def test_c12_an_upstream_is_drained_no_longer_than_its_cap(pair: Pair) -> None:
    with one_row(pair):
        with RawClient(pair.gateway) as client:
            client.post({**ASK, "model": "capped"}, **BEARER)
            asked = pair.upstream.next()
            mid_stream(asked, client)
        asked.await_gone()

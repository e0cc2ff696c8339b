"""Requests and answers on their way through the models server."""

from __future__ import annotations

import json

import pytest

from fairtrial.domain.errors import BadRequest, UpstreamError
from gateway.models import app
from gateway.models.catalogue import Served
from tests.fixtures.for_each import for_each

GOOD = Served("good@0.5", 1, 0.5, "fp_1")


@for_each(
    "body",
    [b"{", b"[]", b"{}", b'{"model": "m"}', b'{"model": "m", "messages": []}', b'{"model":"m","messages":[{}],"n":2}'],
)
def test_a_wrong_request_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        app.read(body, chat=True)


def test_the_engine_gets_a_scale_for_every_adapter_and_nothing_that_callers_may_not_set() -> None:
    body = {"model": "good@0.5", "messages": [{}], "lora": [], "cache_prompt": True, "id_slot": 3, "temperature": 0}
    sent = app.for_engine(body, GOOD, 3)
    assert sent["lora"] == [{"id": 0, "scale": 0.0}, {"id": 1, "scale": 0.5}, {"id": 2, "scale": 0.0}]
    assert sent["cache_prompt"] is False
    assert "id_slot" not in sent and "model" not in sent


def test_the_limit_of_tokens_is_that_of_the_newer_parameter_the_older_or_ours() -> None:
    limits = [{"max_completion_tokens": 5, "max_tokens": 9}, {"max_tokens": 9}, {}]
    assert [app.for_engine(body, GOOD, 0)["max_tokens"] for body in limits] == [5, 9, app.DEFAULT_MAX_TOKENS]


def test_chunks_carry_the_name_that_was_asked_and_the_fingerprint() -> None:
    line = app.line_as_served(b'data: {"choices": [], "model": "x", "timings": {}}\n', GOOD)
    assert json.loads(line[6:]) == {"choices": [], "model": "good@0.5", "system_fingerprint": "fp_1"}
    assert app.line_as_served(b"data: [DONE]\n", GOOD) == b"data: [DONE]\n"


def test_a_full_context_is_the_callers_mistake_and_all_else_the_engines() -> None:
    full = {"error": {"message": "too long", "type": app.CONTEXT_ERROR}}
    refused = app.refusal(400, json.dumps(full).encode())
    assert (refused.status, refused.code) == (400, "context_length_exceeded")
    assert isinstance(app.refusal(500, b"oh"), UpstreamError)

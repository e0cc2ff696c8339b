"""An evaluation and the recording find the same refusals, whatever the answer's form, protocol or language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.engine.client import ChatClient
from evaluators.engine.scoring import score_case
from evaluators.engine.target import Target
from evaluators.suite import Suite
from fairtrial.domain.run import Case
from tests.fixtures.evaluators.refusal_texts import ANSWERS, REFUSALS
from tests.fixtures.gateway.gateway_fixture import Rig
from tests.fixtures.gateway.module_gateway import post
from tests.fixtures.gateway.scripted_answers import answer, recorded, stream

SUITE = Suite("any", "metric", Path("suite.yaml"), "d", (), {}, ())
PARTS = [{"type": "text", "text": "I'm sorry, "}, {"type": "text", "text": "but I can't help with that."}]
FIRST = [(language, texts[0], True) for language, texts in REFUSALS.items()]
FIRST += [(language, texts[0], False) for language, texts in ANSWERS.items()]


def message(content: Any, **fields: Any) -> dict[str, Any]:
    """A script for an answer with this content."""
    return answer(None, message={"role": "assistant", "content": content, **fields})


TABLE: dict[str, tuple[dict[str, Any], bool]] = {
    "the field of the API": (message(None, refusal="No."), True),
    "the field beside an empty text": (message("", refusal="No."), True),
    "an empty field": (message("Of course.", refusal=""), False),
    "a content filter": (answer("Half of", finish_reason="content_filter"), True),
    "the reason of a model that refuses": (answer("", finish_reason="refusal"), True),
    "a text in parts": (message(PARTS), True),
    "an answer in parts": (message([{"type": "text", "text": "Of course."}]), False),
    "a call of a tool": (message(None, tool_calls=[{"id": "1", "type": "function", "function": {"name": "f"}}]), False),
    "the words inside JSON": (answer('{"say": "I can\'t help with that."}'), False),
    "a refusal after thoughts": (answer("<think>No.</think>\nI can't help with that."), True),
    **{f"{language}: {text}": (answer(text), refused) for language, text, refused in FIRST},
}


@pytest.mark.parametrize("name", TABLE)
async def test_one_answer_is_a_refusal_offline_exactly_if_it_is_one_live(rig: Rig, name: str) -> None:
    script, refused = TABLE[name]
    case = Case("c", ({"role": "user", "content": "hello"},), None)
    target = Target("bot", "bot", rig.url)
    async with ChatClient(target, concurrency=1) as client:
        found = await client.ask(case, {"user": "u-1", "fake": script})
    assert found.error is None
    event = recorded(rig, str(found.request_id))
    offline = score_case(SUITE, case, 0, found).outcome == "refused"
    live = bool(event.refused or event.refused_by_text)
    assert (offline, live) == (refused, refused)


@pytest.mark.parametrize(("language", "text", "refused"), FIRST)
def test_a_stream_is_a_refusal_exactly_if_its_text_is_one(rig: Rig, language: str, text: str, refused: bool) -> None:
    fields = {"model": "bot", "user": "u-1", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    half = len(text) // 2
    response = post(rig, {**fields, "fake": stream(text[:half], text[half:])})
    event = recorded(rig, response.headers["x-request-id"])
    assert bool(event.refused or event.refused_by_text) is refused


@pytest.mark.parametrize(("language", "text", "refused"), FIRST)
def test_a_response_is_a_refusal_exactly_if_its_text_is_one(rig: Rig, language: str, text: str, refused: bool) -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    script = {"kind": "json", "answer": {"output": [item], "status": "completed"}}
    response = post(rig, {"model": "bot", "user": "u-1", "input": "hello", "fake": script}, "/responses")
    event = recorded(rig, response.headers["x-request-id"])
    assert bool(event.refused or event.refused_by_text) is refused
    assert json.loads(response.text)["output"] == [item]

"""A wrong value or schema is reported at once as the application's mistake, before any translation."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.domain.errors import BadRequest
from gateway.proxy.transport.litellm.fields import DEPTH, PARTS, litellm_fields
from tests.fixtures.for_each import for_each

USER: list[Any] = [{"role": "user", "content": "Hello?"}]


def _tool(parameters: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]}


def _format(schema: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


def _called(arguments: Any, answered: str = "1") -> dict[str, Any]:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    answer = {"role": "tool", "tool_call_id": answered, "content": "done"}
    return {"messages": [*USER, {"role": "assistant", "content": None, "tool_calls": [call]}, answer]}


def _picture(url: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}


def _doubling(levels: int) -> dict[str, Any]:
    """Two kilobytes that are 2 to the power of ``levels`` parts once each reference is written out."""
    names = {
        f"a{n}": {"properties": {side: {"$ref": f"#/$defs/a{n + 1}"} for side in ("left", "right")}}
        for n in range(levels)
    }
    names[f"a{levels}"] = {"type": "string"}
    return {"type": "object", "properties": {"x": {"$ref": "#/$defs/a0"}}, "$defs": names}


def _nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@for_each(
    ("fields", "words"),
    [
        ({"max_tokens": "9"}, "max_tokens: is '9' (a whole number)"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens: is 1.5 (a whole number)"),
        ({"temperature": "hot"}, "temperature: is 'hot' (a number)"),
        ({"logprobs": "yes"}, "logprobs: is 'yes' (true or false)"),
        ({"stop": [None]}, "stop: is [None] (text, or a list of texts)"),
        ({"logit_bias": {"1": "x"}}, "logit_bias: is {'1': 'x'} (numbers by token)"),
        ({"reasoning_effort": 3}, "reasoning_effort: is 3 (a word)"),
        ({"messages": []}, "messages: is not a list of messages (at least one)"),
        ({"messages": [{"role": [], "content": "x"}]}, "messages[0].role: is []"),
        (
            {"messages": [*USER, {"role": "assistant", "content": "x", "thinking_blocks": 7}]},
            "messages[1].thinking_blocks: is not",
        ),
        ({"response_format": {"type": []}}, "response_format: is of type []"),
        (_format(None), "response_format.json_schema.schema: is None (a JSON schema, an object)"),
        (_tool("x"), "tools[0].function.parameters: is 'x' (a JSON schema, an object)"),
        (_called("{"), "messages[1].tool_calls.function.arguments: is '{' (a JSON object, as text)"),
        (_called("{}", answered="2"), "messages[2].tool_call_id: is '2', and no message before it calls a tool"),
        (_picture("data:"), "is not a data: URL"),
        (_picture("data:image/png;base64,<x>"), "is not a data: URL"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_the_reason(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        litellm_fields({"messages": USER, **fields})
    assert f" {words}" in f" {refused.value}"


@for_each("put", [_tool, _format])
@for_each("schema", [_doubling(14), _nested(DEPTH), {"enum": ["x"] * PARTS}])
def test_a_schema_that_grows_beyond_measure_is_refused(put: Any, schema: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="once its references are followed"):
        litellm_fields({"messages": USER, **put(schema)})


def test_a_schema_may_have_ninety_levels_and_no_more() -> None:
    schema: dict[str, Any] = {}
    for _ in range(89):
        schema = {"items": schema}
    assert litellm_fields({"messages": USER, **_tool(schema)})["tools"][0]["function"]["parameters"] == schema
    with pytest.raises(BadRequest, match="deeper than 90 levels"):
        litellm_fields({"messages": USER, **_tool({"items": schema})})


def test_a_name_that_is_defined_twice_hides_no_size() -> None:
    large = _doubling(14)
    harmless = {"$defs": {name: {"type": "string"} for name in large["$defs"]}}
    for parts in ({"y": harmless, **large["properties"]}, {**large["properties"], "y": harmless}):
        with pytest.raises(BadRequest, match=f"more than {PARTS} parts"):
            litellm_fields({"messages": USER, **_tool({**large, "properties": parts})})


@pytest.mark.parametrize(
    "schema",
    [
        {},
        _doubling(5),
        _nested(40),
        {"$defs": {"tree": {"properties": {s: {"$ref": "#/$defs/tree"} for s in "lr"}}}, "$ref": "#/$defs/tree"},
    ],
)
def test_a_schema_of_a_sound_size_goes_as_it_is_even_one_that_contains_itself(schema: dict[str, Any]) -> None:
    fields = litellm_fields({"messages": USER, **_tool(schema), **_format(schema)})
    assert fields["tools"][0]["function"]["parameters"] == schema
    assert fields["response_format"]["json_schema"]["schema"] == schema


def test_a_call_and_its_answer_and_a_picture_go_as_they_are() -> None:
    messages = [*_called('{"a": 1}')["messages"], *_picture("data:image/png;base64,iVBORw0KGgo=")["messages"]]
    sent = litellm_fields({"messages": messages, "stop": ["a"], "temperature": 1, "logit_bias": {"7": -1.5}})
    assert sent["messages"] == messages and sent["stop"] == ["a"]

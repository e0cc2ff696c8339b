"""Rules for tools and their calls: declared by a schema, called with fitting arguments, and answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from evaluators.training_data.provider_rules.rule import Conversation, Find, Rule
from fairtrial.domain.limits.bounded_schema import BoundedSchema, TooCostly

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
INVALID = "the schema is invalid"
"""How the error of an invalid schema begins. Other errors concern schemas that are not supported here."""


class Call(NamedTuple):
    """One well-formed call: the place of its message, its id, the function's name, and the arguments as written."""

    place: str
    id: Any
    name: str
    arguments: Any


def tool_rules(source: str, *, strict: bool = False, ids: bool = True) -> tuple[Rule, ...]:
    """The rules for tools and calls.

    ``strict``: names have 1 to 64 certain characters, and arguments are texts. ``ids``: calls have ids and answers.
    """
    form = "{id, type, function: {name, arguments}}" if ids else "{function: {name, arguments}}"
    text = " in a text" if strict else ""
    names = "different names" + (" of at most 64 letters, digits, `_` and `-`" if strict else "")
    rules = (
        Rule("tools", f"`tools` as functions with {names} and a JSON Schema", source, definitions(any_name=not strict)),
        Rule("tool-calls", f"calls only of the assistant, as `{form}`", source, calls_formed(form, ids=ids)),
        Rule("arguments", f"a JSON object{text} as arguments", source, arguments_are_json(objects=not strict)),
        Rule("declared", "calls only of functions in `tools`, if there are any", source, names_declared),
        Rule("arguments-fit", "arguments that fit the parameters of the function", source, arguments_fit),
    )
    each = "a tool message for each call right after it, except in the last message"
    answers = (
        Rule("call-ids", "different ids for the calls of a message", source, ids_differ),
        Rule("answered", each, source, answered),
    )
    return (*rules, *answers) if ids else rules


def definitions(*, any_name: bool) -> Find:
    """Tools are a list of functions with different names and a JSON Schema of their parameters."""

    def find(conversation: Conversation) -> Iterator[str]:
        tools = conversation.tools
        if tools is None:
            return
        if not isinstance(tools, list):
            yield "'tools' is not a list"
            return
        names: set[str] = set()
        for at, tool in enumerate(tools):
            wrong = _wrong_tool(tool, names, any_name=any_name)
            if wrong:
                yield f"tools[{at}] {wrong}"

    return find


def _wrong_tool(tool: Any, names: set[str], *, any_name: bool) -> str:
    function = tool.get("function") if isinstance(tool, Mapping) and tool.get("type") == "function" else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(name, str) or not name:
        return "is not {type: function, function: {name, parameters}}"
    if not any_name and not NAME.fullmatch(name):
        return "has a name with other characters than letters, digits, _ and -, or more than 64"
    if name in names:
        return f"has the name {name!r:.80} of an earlier tool"
    names.add(name)
    parameters = function.get("parameters", {})
    if not isinstance(parameters, Mapping):
        return "has parameters that are not a JSON Schema"
    found = _schema(json.dumps(parameters, sort_keys=True))
    return f"has invalid parameters: {found}" if isinstance(found, str) and found.startswith(INVALID) else ""


@lru_cache(maxsize=256)
def _schema(text: str) -> BoundedSchema | str:
    """The schema, or why there is none."""
    try:
        return BoundedSchema(json.loads(text))
    except ValueError as error:
        return str(error)


def calls_formed(form: str, *, ids: bool) -> Find:
    """Calls are in messages of the assistant: a list of functions with a name and arguments, and an id each."""

    def find(conversation: Conversation) -> Iterator[str]:
        for place, message in conversation.turns:
            calls = message.get("tool_calls")
            if calls is None:
                continue
            if message.get("role") != "assistant":
                yield f"{place} has tool calls, and the role {message.get('role')!r:.40}"
            elif not isinstance(calls, list) or not calls:
                yield f"{place} has 'tool_calls' that are not a list of calls"
            elif not all(_is_call(call, ids=ids) for call in calls):
                yield f"{place} has a tool call that is not {form}"

    return find


def _is_call(call: Any, *, ids: bool) -> bool:
    if not isinstance(call, Mapping) or (ids and not (isinstance(call.get("id"), str) and call["id"])):
        return False
    function = call.get("function")
    named = isinstance(function, Mapping) and isinstance(function.get("name"), str) and "arguments" in function
    return named and call.get("type", None if ids else "function") == "function"


def _calls(conversation: Conversation) -> Iterator[Call]:
    for place, message in conversation.turns:
        calls = message.get("tool_calls")
        former = [{"function": message["function_call"]}] if message.get("function_call") else []
        for call in (*(calls if isinstance(calls, list) else ()), *former):
            if _is_call(call, ids=False):
                yield Call(place, call.get("id"), call["function"]["name"], call["function"]["arguments"])


def arguments_are_json(*, objects: bool) -> Find:
    """Arguments are a JSON object in a text, or with ``objects`` also an object itself."""

    def find(conversation: Conversation) -> Iterator[str]:
        for call in _calls(conversation):
            if _arguments(call) is None or not (objects or isinstance(call.arguments, str)):
                form = "a JSON object" if objects else "a text with a JSON object"
                yield f"{call.place}: the arguments of {call.name!r:.80} are not {form}"

    return find


def _arguments(call: Call) -> Mapping[str, Any] | None:
    try:
        value = json.loads(call.arguments) if isinstance(call.arguments, str) else call.arguments
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Mapping) else None


def _declared(conversation: Conversation) -> dict[str, Any]:
    """The parameters of each well-formed tool or function by its name."""
    tools, former = conversation.tools, conversation.row.get("functions")
    functions = [tool.get("function") for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []
    functions += former if isinstance(former, list) else []
    return {str(one.get("name")): one.get("parameters", {}) for one in functions if isinstance(one, Mapping)}


def names_declared(conversation: Conversation) -> Iterator[str]:
    """A row that declares tools calls no other functions."""
    declared = _declared(conversation)
    without = conversation.tools is None and "functions" not in conversation.row
    for call in () if without else _calls(conversation):
        if call.name not in declared:
            yield f"{call.place} calls {call.name!r:.80}, which is not in 'tools'"


def arguments_fit(conversation: Conversation) -> Iterator[str]:
    """Arguments fit the schema of the function's parameters."""
    declared = _declared(conversation)
    for call in _calls(conversation):
        arguments, parameters = _arguments(call), declared.get(call.name)
        if arguments is None or not isinstance(parameters, Mapping):
            continue
        schema = _schema(json.dumps(parameters, sort_keys=True))
        try:
            complaint = None if isinstance(schema, str) else schema.complaint(arguments)
        except TooCostly:
            continue
        if complaint is not None:
            path, message = complaint
            why = message if message.endswith("is a required property") else f"the value at {path} does not fit"
            yield f"{call.place}: the arguments of {call.name!r:.80} do not fit its parameters: {why}"


def ids_differ(conversation: Conversation) -> Iterator[str]:
    """No two calls of a message have the same id, because the answer names it."""
    ids: set[tuple[str, str]] = set()
    for call in _calls(conversation):
        if call.id is not None and (call.place, str(call.id)) in ids:
            yield f"{call.place} has two calls with the id {call.id!r:.80}"
        ids.add((call.place, str(call.id)))


def answered(conversation: Conversation) -> Iterator[str]:
    """Each call is answered by a tool message right after it, except those of the last message."""
    waiting: dict[Any, str] = {}
    for place, message in conversation.turns:
        if message.get("role") == "tool":
            call_id = str(message.get("tool_call_id"))
            if call_id not in waiting:
                yield f"{place} has the tool_call_id {call_id!r:.80}, and no call before it has this id"
            waiting.pop(call_id, None)
            continue
        for call_id, asked in waiting.items():
            yield f"{asked}: the call {call_id!r:.80} is not answered by a tool message"
        waiting = {str(call.id): place for call in _calls(Conversation({}, ((place, message),)))}


def parallel_calls(conversation: Conversation) -> Iterator[str]:
    """``parallel_tool_calls`` is a boolean."""
    holder = conversation.row.get("input", conversation.row)
    if not isinstance(holder.get("parallel_tool_calls", True), bool):
        yield "'parallel_tool_calls' is not true or false"

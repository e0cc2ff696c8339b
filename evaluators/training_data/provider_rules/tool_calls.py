"""Rules for tools and their calls: declared by a schema, called with fitting arguments, and answered."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from evaluators.training_data.provider_rules.messages import each, role_of
from evaluators.training_data.provider_rules.rule import Conversation, Find, Message, ProviderRule
from fairtrial.domain.limits.canonical_json import json_object
from fairtrial.domain.limits.json_schema import BoundedSchema, TooCostly

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
UNREQUIRED = "No document requires it; the model would learn to call what it does not see"
INVALID = "the schema is invalid"
"""How the error of an invalid schema begins. Other errors concern schemas that are not supported here."""


class Call(NamedTuple):
    """One well-formed call: the place of its message, its id, the function's name, and the arguments as written."""

    place: str
    id: Any
    name: str
    arguments: Any


def tool_rules(source: str, *, strict: bool = False, ids: bool = True) -> tuple[ProviderRule, ...]:
    """The rules for tools and calls.

    ``strict``: names have 1 to 64 certain characters, and arguments are texts. ``ids``: calls have ids and answers.
    """
    form = "{id, type, function: {name, arguments}}" if ids else "{function: {name, arguments}}"
    text = " in a text" if strict else ""
    names = "different names" + (" of at most 64 letters, digits, `_` and `-`" if strict else "")
    each_answered = "a tool message for each call right after it, except in the last message"
    rules = (
        ProviderRule(
            "tools", f"`tools` as functions with {names}, and objects as parameters", source, _definitions(strict)
        ),
        ProviderRule("tool-calls", f"calls only of the assistant, as `{form}`", source, each(_formed(form, ids=ids))),
        ProviderRule("arguments", f"a JSON object{text} as arguments", source, _each_call(_are_json(strict))),
        ProviderRule(
            "declared", "calls only of functions in `tools`, if there are any", source, _each_call(_undeclared)
        ),
        ProviderRule("no-tools", "`tools` in a row with calls", UNREQUIRED, _each_call(_without_tools), "suggestion"),
        ProviderRule(
            "arguments-fit", "arguments that fit the JSON Schema of the function", source, _each_call(_misfit)
        ),
        ProviderRule("call-ids", "different ids for the calls of a message", source, _ids_differ),
        ProviderRule("answered", each_answered, source, _answered),
    )
    return rules if ids else rules[:-2]


def _definitions(strict: bool) -> Find:
    def find(conversation: Conversation) -> str:
        tools = conversation.tools
        if not isinstance(tools, list):
            return "" if tools is None else "'tools' is not a list"
        wrong = (f"tools[{at}] {why}" for at, tool in enumerate(tools) if (why := _wrong_tool(tool, strict)))
        names = [_function(tool).get("name") for tool in tools]
        return next(wrong, "two tools have the same name" if len({*map(str, names)}) < len(names) else "")

    return find


def _function(tool: Any) -> Mapping[str, Any]:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return function if isinstance(function, Mapping) else {}


def _wrong_tool(tool: Any, strict: bool) -> str:
    function = _function(tool)
    name, parameters = function.get("name"), function.get("parameters", {})
    if not isinstance(name, str) or not name or tool.get("type") != "function":
        return "is not {type: function, function: {name, parameters}}"
    if strict and not NAME.fullmatch(name):
        return "has a name with other characters than letters, digits, _ and -, or more than 64"
    if not isinstance(parameters, Mapping) or parameters.get("type", "object") != "object":
        return "has parameters that are not the JSON Schema of an object"
    return ""


@lru_cache(maxsize=4096)
def _schema(text: str) -> BoundedSchema | str:
    """The schema, or why there is none."""
    try:
        return BoundedSchema(json.loads(text))
    except ValueError as error:
        return str(error)


def _formed(form: str, *, ids: bool) -> Callable[[Message], str]:
    def wrong(message: Message) -> str:
        calls = message.get("tool_calls")
        if calls is None:
            return ""
        if message.get("role") != "assistant":
            return f"has tool calls, and {role_of(message)}"
        formed = isinstance(calls, list) and calls and all(_is_call(call, ids=ids) for call in calls)
        return "" if formed else f"has 'tool_calls' that are not a list of {form}"

    return wrong


def _is_call(call: Any, *, ids: bool) -> bool:
    function = _function(call)
    if not isinstance(function.get("name"), str) or "arguments" not in function:
        return False
    with_id = not ids or (isinstance(call.get("id"), str) and bool(call["id"]))
    return with_id and call.get("type", None if ids else "function") == "function"


def _calls(conversation: Conversation) -> Iterator[Call]:
    for place, message in conversation.turns:
        calls = message.get("tool_calls")
        former = [{"function": message["function_call"]}] if message.get("function_call") else []
        for call in (*(calls if isinstance(calls, list) else ()), *former):
            if _is_call(call, ids=False):
                yield Call(place, call.get("id"), call["function"]["name"], call["function"]["arguments"])


def _each_call(wrong: Callable[[Call, Conversation], str]) -> Find:
    def find(conversation: Conversation) -> str:
        generator = ((call, wrong(call, conversation)) for call in _calls(conversation))
        return next((f"{call.place}: the call of {call.name!r:.80} {why}" for call, why in generator if why), "")

    return find


def _are_json(strict: bool) -> Callable[[Call, Conversation], str]:
    form = "a text with a JSON object" if strict else "a JSON object"

    def wrong(call: Call, _: Conversation) -> str:
        fits = _arguments(call) is not None and not (strict and not isinstance(call.arguments, str))
        return "" if fits else f"has arguments that are not {form}"

    return wrong


def _arguments(call: Call) -> Mapping[str, Any] | None:
    value = json_object(call.arguments) if isinstance(call.arguments, str) else call.arguments
    return value if isinstance(value, Mapping) else None


def _declared(conversation: Conversation) -> dict[str, Any]:
    """The parameters of each well-formed tool or function by its name."""
    tools, former = conversation.tools, conversation.row.get("functions")
    functions = [_function(tool) for tool in tools] if isinstance(tools, list) else []
    functions += [one for one in former if isinstance(one, Mapping)] if isinstance(former, list) else []
    return {str(function.get("name")): function.get("parameters", {}) for function in functions}


def _without_tools(_: Call, conversation: Conversation) -> str:
    declares = conversation.tools is not None or "functions" in conversation.row
    return "" if declares else "is in a row without 'tools'"


def _undeclared(call: Call, conversation: Conversation) -> str:
    unknown = call.name not in _declared(conversation) and not _without_tools(call, conversation)
    return "is of a function that is not in 'tools'" if unknown else ""


def _misfit(call: Call, conversation: Conversation) -> str:
    arguments, parameters = _arguments(call), _declared(conversation).get(call.name)
    if arguments is None or not isinstance(parameters, Mapping):
        return ""
    schema = _schema(json.dumps(parameters, sort_keys=True))
    if isinstance(schema, str):
        return f"is of a function whose parameters are wrong: {schema}" if schema.startswith(INVALID) else ""
    try:
        complaint = schema.complaint(arguments)
    except TooCostly:
        return ""
    if complaint is None:
        return ""
    path, message = complaint
    why = message if message.endswith("is a required property") else f"the value at {path} does not fit"
    return f"has arguments that do not fit its parameters: {why}"


def _ids_differ(conversation: Conversation) -> str:
    """An answer names the id, so that it must be clear which call is meant."""
    counts = Counter((call.place, str(call.id)) for call in _calls(conversation) if call.id is not None)
    return next((f"{place} has two calls with one id" for (place, _), count in counts.items() if count > 1), "")


def _answered(conversation: Conversation) -> str:
    waiting: dict[str, str] = {}
    for place, message in conversation.turns:
        if message.get("role") == "tool":
            if waiting.pop(str(message.get("tool_call_id")), None) is None:
                return f"{place} has a tool_call_id that no call before it has"
            continue
        if waiting:
            return f"{next(iter(waiting.values()))} has a call that no tool message answers"
        waiting = {str(call.id): place for call in _calls(Conversation({}, ((place, message),)))}
    return ""

"""Plants conversations that a provider refuses, around a tool that books rooms."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from benchmarks.audit_trials.planted.planting import Change, Fault, Trial, each
from benchmarks.audit_trials.planted.rows import Record, Row

PARAMETERS = {
    "type": "object",
    "properties": {
        "town": {"type": "string"},
        "nights": {"type": "integer"},
        "board": {"type": "string", "enum": ["none", "half", "full"]},
    },
    "required": ["town", "nights"],
    "additionalProperties": False,
}
SOUND = {"town": "Ghent", "nights": 2, "board": "half"}


def booking(
    row: Row,
    *,
    arguments: Any = None,
    name: str = "book_room",
    call: Record | None = None,
    result_for: str = "call_b7",
    with_call: bool = True,
    tools: list[Record] | None = None,
) -> Row:
    """A dialogue with one call of a tool; it is sound unless something is given."""
    written = json.dumps(SOUND) if arguments is None else arguments
    function = {"name": name, "arguments": written}
    calls = [{"id": "call_b7", "type": "function", "function": function} if call is None else call]
    messages: list[Record] = [{"role": "user", "content": row.prompt}]
    if with_call:
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
    messages += [
        {"role": "tool", "tool_call_id": result_for, "content": '{"booked": true}'},
        {"role": "assistant", "content": row.answer},
    ]
    declared = [_tool()] if tools is None else tools
    return replace(row, messages=tuple(messages), further={"tools": declared} if declared else {})


def _tool(**changes: Any) -> Record:
    function = {"name": "book_room", "description": "Books a hotel room.", "parameters": PARAMETERS}
    return {"type": "function", "function": {**function, **changes}}


def _call(**changes: Any) -> Change:
    return lambda _trial, row: booking(row, **changes)


def _with(at: int, **changes: Any) -> Change:
    """One message of the dialogue with other fields."""

    def change(_trial: Trial, row: Row) -> Row:
        messages = row.chat
        messages[at] = {**messages[at], **changes}
        return replace(row, messages=tuple(messages))

    return change


def _insert(at: int, *messages: Record) -> Change:
    def change(_trial: Trial, row: Row) -> Row:
        return replace(row, messages=(*row.chat[:at], *messages, *row.chat[at:]))

    return change


def _without(at: int) -> Change:
    def change(_trial: Trial, row: Row) -> Row:
        return replace(row, messages=tuple(message for place, message in enumerate(row.chat) if place != at))

    return change


def _without_field(field: str) -> Change:
    def change(_trial: Trial, row: Row) -> Row:
        first, *others = row.chat
        return replace(row, messages=({key: value for key, value in first.items() if key != field}, *others))

    return change


UNNAMED_CALL = {"type": "function", "function": {"name": "book_room", "arguments": json.dumps(SOUND)}}
STRUCTURES: dict[str, Change] = {
    "tool call: arguments end too early": _call(arguments='{"town": "Ghent", "nights":'),
    "tool call: arguments are Python": _call(arguments=str(SOUND)),
    "tool call: arguments are a list": _call(arguments='["Ghent", 2]'),
    "tool call: arguments are no text": _call(arguments=SOUND),
    "tool call: the tool is not declared": _call(name="reserve_table"),
    "tool call: an argument is left out": _call(arguments='{"town": "Ghent"}'),
    "tool call: a number is spelled out": _call(arguments='{"town": "Ghent", "nights": "two"}'),
    "tool call: a value is not allowed": _call(arguments='{"town": "Ghent", "nights": 2, "board": "vegan"}'),
    "tool call: an argument is unknown": _call(arguments='{"town": "Ghent", "nights": 2, "pets": 1}'),
    "tool call: it has no id": _call(call=UNNAMED_CALL),
    "tool call: the result names another": _call(result_for="call_b8"),
    "tool call: there is only a result": _call(with_call=False),
    "tool call: the row declares no tools": _call(tools=[]),
    "tool: its name has spaces": _call(name="book a room", tools=[_tool(name="book a room")]),
    "tool: it has no name": _call(tools=[{"type": "function", "function": {"parameters": PARAMETERS}}]),
    "user asks twice": _insert(1, {"role": "user", "content": "Are you there?"}),
    "system message in the middle": _insert(1, {"role": "system", "content": "Be polite from now on."}),
    "system message at the end": _insert(2, {"role": "system", "content": "End of the chat."}),
    "only the user speaks": _without(1),
    "the user speaks last": _insert(2, {"role": "user", "content": "Thanks!"}),
    "role of another program": _with(1, role="bot"),
    "no role": _without_field("role"),
    "no content": _without_field("content"),
    "content is a number": _with(0, content=42),
    "weight is 2": _with(1, weight=2),
    "weight is a half": _with(1, weight=0.5),
    "weight is a word": _with(1, weight="high"),
    "weight of the user": _with(0, weight=1),
    "no message counts": _with(1, weight=0),
}


def _single(row: Row) -> bool:
    return len(row.turns) == 1


FITTING = ("provider-rules:", "^format:$")
FAULTS = tuple(
    Fault(name, "structure", FITTING, 2, each(change), _single, sources="chat") for name, change in STRUCTURES.items()
)

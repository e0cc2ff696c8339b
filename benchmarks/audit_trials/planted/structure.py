"""Plants conversations that a provider refuses: calls of tools, the order of roles, and weights."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from benchmarks.audit_trials.planted.planting import Change, Fault, Trial, each
from benchmarks.audit_trials.planted.rows import Record, Row

PARAMETERS = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["order"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {"name": "track_order", "description": "Finds a parcel.", "parameters": PARAMETERS},
}


def tool_row(row: Row, *, name: str = "track_order", arguments: str | None = None, **changes: Any) -> Row:
    """A sound conversation with one call of a tool, unless something is changed."""
    call_id = "call_1"
    given = json.dumps({"order": "A-12", "days": 3}) if arguments is None else arguments
    call: Record = {"id": call_id, "type": "function", "function": {"name": name, "arguments": given}}
    messages: list[Record] = [
        {"role": "user", "content": row.prompt},
        {"role": "assistant", "tool_calls": [changes.get("call", call)]},
        {"role": "tool", "tool_call_id": changes.get("answers", call_id), "content": '{"status": "on its way"}'},
        {"role": "assistant", "content": row.answer},
    ]
    del messages[changes.get("without", len(messages)) : changes.get("without", len(messages)) + 1]
    return replace(row, messages=tuple(messages), further={"tools": [TOOL]} if changes.get("tools", True) else {})


def _messages(*change: Any) -> Change:
    """The row's messages after `change[0]` has been applied to the list."""

    def apply(_trial: Trial, row: Row) -> Row:
        return replace(row, messages=tuple(change[0](row.chat)))

    return apply


def _tool(**changes: Any) -> Change:
    return lambda _trial, row: tool_row(row, **changes)


def _weighted(messages: list[Record], at: int, weight: Any) -> list[Record]:
    return [{**message, "weight": weight} if place == at else message for place, message in enumerate(messages)]


SYSTEM: Record = {"role": "system", "content": "You answer briefly."}
STRUCTURES: dict[str, Change] = {
    "tool call: arguments are not JSON": _tool(arguments='{"order": "A-12", '),
    "tool call: unknown name": _tool(name="find_parcel"),
    "tool call: a required argument is missing": _tool(arguments='{"days": 3}'),
    "tool call: an argument has the wrong type": _tool(arguments='{"order": 12}'),
    "tool call: arguments are an object": _tool(
        call={"id": "call_1", "type": "function", "function": {"name": "track_order", "arguments": {"order": "A-12"}}}
    ),
    "tool call: no id": _tool(
        call={"type": "function", "function": {"name": "track_order", "arguments": '{"order": "A-12"}'}}
    ),
    "tool call: another id is answered": _tool(answers="call_9"),
    "tool call: a result without its call": _tool(without=1),
    "tool call: no tools are declared": _tool(tools=False),
    "two user turns": _messages(lambda messages: [messages[0], {"role": "user", "content": "Hello?"}, *messages[1:]]),
    "late system message": _messages(lambda messages: [*messages[:1], SYSTEM, *messages[1:]]),
    "no assistant message": _messages(lambda messages: messages[:-1]),
    "unknown role": _messages(lambda messages: [{**messages[0], "role": "customer"}, *messages[1:]]),
    "weight 2": _messages(lambda messages: _weighted(messages, len(messages) - 1, 2)),
    "weight on a user message": _messages(lambda messages: _weighted(messages, 0, 1)),
    "all weights 0": _messages(lambda messages: _weighted(messages, 1, 0)),
}


def _single(row: Row) -> bool:
    return len(row.turns) == 1


FITTING = ("provider-rules:", "^format:$")
FAULTS = tuple(
    Fault(name, "structure", FITTING, 3, each(change), _single, sources="chat") for name, change in STRUCTURES.items()
)

"""Reads the conversations of a row as it is written, for each kind of row that providers document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from evaluators.training_data.example import Row, RowError
from evaluators.training_data.provider_rules.rule import Conversation, Message

Turns = tuple[tuple[str, Message], ...]
ANSWERS = ("preferred_output", "non_preferred_output")
PAIR = "`input.messages`, `preferred_output` and `non_preferred_output`, lists of objects"


def chat(row: Row) -> list[Conversation]:
    """The field ``messages``."""
    return [Conversation(row, _turns(row["messages"], "messages"), row.get("tools"))]


def chat_with_json_tools(row: Row) -> list[Conversation]:
    """The field ``messages``; the tools can also be JSON in a text."""
    return [replace(conversation, tools=_decoded(row.get("tools"))) for conversation in chat(row)]


def preference(row: Row) -> list[Conversation]:
    """``input.messages`` with each of the two answers."""
    given = row["input"]
    if not isinstance(given, Mapping):
        raise RowError("'input' is not an object")
    before = _turns(given.get("messages"), "input.messages")
    return [Conversation(row, before + _turns(row[name], name), given.get("tools")) for name in ANSWERS]


def texts(*names: str) -> Callable[[Row], list[Conversation]]:
    """Fields that are texts."""

    def read(row: Row) -> list[Conversation]:
        for name in names:
            if not isinstance(row[name], str):
                raise RowError(f"{name!r} is not a text")
        return [Conversation(row)]

    return read


def answers(prompt: str | None, *names: str) -> Callable[[Row], list[Conversation]]:
    """Fields that are all texts or all lists of messages; each of ``names`` follows the prompt, if there is one."""

    def read(row: Row) -> list[Conversation]:
        fields = (*([prompt] if prompt else []), *names)
        if all(isinstance(row[name], str) for name in fields):
            return [Conversation(row)]
        if any(isinstance(row[name], str) for name in fields):
            raise RowError(f"{', '.join(map(repr, fields))} are not all texts, or all lists of messages")
        before = _turns(row[prompt], prompt) if prompt else ()
        return [Conversation(row, before + _turns(row[name], name), _decoded(row.get("tools"))) for name in names]

    return read


def _turns(value: Any, name: str) -> Turns:
    if not isinstance(value, list) or not value:
        raise RowError(f"{name!r} is not a list of messages")
    for at, message in enumerate(value):
        if not isinstance(message, Mapping):
            raise RowError(f"{name}[{at}] is not an object")
    return tuple((f"{name}[{at}]", message) for at, message in enumerate(value))


def _decoded(tools: Any) -> Any:
    try:
        return json.loads(tools) if isinstance(tools, str) else tools
    except ValueError:
        return tools

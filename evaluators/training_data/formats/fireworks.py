"""Fireworks' format: `messages`, each with an optional `weight`, a `weight` of the row, and `tools`."""

from __future__ import annotations

from typing import Any

from evaluators.training_data.chat_messages import read_messages, with_message_fields, write_messages
from evaluators.training_data.example import Example
from evaluators.training_data.format import Format, Row, without

TOP = ("weight", "tools")
MESSAGE_FIELDS = ("weight", "tool_calls", "tool_call_id", "name")


def _lacks(row: Row) -> tuple[str, ...]:
    return () if "messages" in row else ("messages",)


def _read(row: Row, line: int) -> Example:
    messages, extra = read_messages(row["messages"])
    return Example(line, messages, with_message_fields(without(row, "messages"), extra))


def _write(example: Example) -> dict[str, Any]:
    top = {name: example.fields[name] for name in TOP if name in example.fields}
    return {"messages": write_messages(example, keep=MESSAGE_FIELDS), **top}


format = Format("{messages: […], weight: 1.0, tools: […]}", _lacks, _read, _write)  # noqa: A001 - the registry's name

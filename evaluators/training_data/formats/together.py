"""Together's conversational format: `messages`, each with an optional `weight`, and `tools`."""

from __future__ import annotations

from typing import Any

from evaluators.training_data.chat_messages import read_messages, with_message_fields, write_messages
from evaluators.training_data.example import Example
from evaluators.training_data.format import Format, Row, without

MESSAGE_FIELDS = ("weight", "tool_calls", "tool_call_id", "name")


def _lacks(row: Row) -> tuple[str, ...]:
    return () if "messages" in row else ("messages",)


def _read(row: Row, line: int) -> Example:
    messages, extra = read_messages(row["messages"])
    return Example(line, messages, with_message_fields(without(row, "messages"), extra))


def _write(example: Example) -> dict[str, Any]:
    row: dict[str, Any] = {"messages": write_messages(example, keep=MESSAGE_FIELDS)}
    return {**row, "tools": example.fields["tools"]} if "tools" in example.fields else row


format = Format("{messages: [{role, content, weight}, …], tools: […]}", _lacks, _read, _write)  # noqa: A001 - the registry's name

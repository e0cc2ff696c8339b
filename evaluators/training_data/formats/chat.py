"""The chat format: `messages`, other columns, and `metadata`."""

from __future__ import annotations

from typing import Any

from evaluators.training_data.chat_messages import read_messages, with_message_fields, write_messages
from evaluators.training_data.example import Example
from evaluators.training_data.format import Format, Row, without

TOP = ("tools", "functions", "parallel_tool_calls", "weight")
"""Fields that stand beside the messages; all others are in `metadata`."""
MESSAGE_FIELDS = ("weight", "name", "tool_calls", "tool_call_id", "function_call", "refusal")


def _lacks(row: Row) -> tuple[str, ...]:
    return () if "messages" in row else ("messages",)


def read(row: Row, line: int) -> Example:
    """The example of a chat row."""
    messages, extra = read_messages(row["messages"])
    return Example(line, messages, with_message_fields(without(row, "messages"), extra))


def _write(example: Example) -> dict[str, Any]:
    top = {name: example.fields[name] for name in TOP if name in example.fields}
    metadata = {name: value for name, value in example.fields.items() if name not in (*TOP, "message_fields")}
    row = {"messages": write_messages(example, keep=MESSAGE_FIELDS), **top}
    return {**row, "metadata": metadata} if metadata else row


format = Format("{messages: [{role, content}, …], metadata: {…}}", _lacks, read, _write)  # noqa: A001 - the registry's name

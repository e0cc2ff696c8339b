"""The chat format, `messages` with other columns and `metadata`, and the dialects of it that providers read."""

from typing import Any

from evaluators.training_data.example import (
    Example,
    Format,
    Row,
    read_messages,
    with_message_fields,
    without,
    write_messages,
)


def _lacks(row: Row) -> tuple[str, ...]:
    return () if "messages" in row else ("messages",)


def _read(row: Row, line: int) -> Example:
    messages, extra = read_messages(row["messages"])
    return Example(line, messages, with_message_fields(without(row, "messages"), extra))


def _dialect(
    name: str, summary: str, top: tuple[str, ...], message_fields: tuple[str, ...], *, metadata: bool = False
) -> Format:
    """A format whose rows have ``top`` beside the messages, and whose messages have ``message_fields``.

    With ``metadata``, all other fields of a row are in an object of this name; otherwise they are not written.
    """

    def write(example: Example) -> dict[str, Any]:
        kept = {field: example.fields[field] for field in top if field in example.fields}
        row = {"messages": write_messages(example, keep=message_fields), **kept}
        rest = {field: value for field, value in example.fields.items() if field not in (*top, "message_fields")}
        return {**row, "metadata": rest} if metadata and rest else row

    return Format(name, summary, _lacks, _read, write)


TOOLS = ("tool_calls", "tool_call_id")
OPENAI_TOP = ("tools", "functions", "parallel_tool_calls")
OPENAI_MESSAGE = ("weight", "name", *TOOLS, "function_call", "refusal")
formats = (
    _dialect(
        "chat",
        "{messages: [{role, content}, …], metadata: {…}}",
        (*OPENAI_TOP, "weight"),
        OPENAI_MESSAGE,
        metadata=True,
    ),
    _dialect("openai", "{messages: […], tools: […]}, without other fields", OPENAI_TOP, OPENAI_MESSAGE),
    _dialect("fireworks", "{messages: […], weight: 1.0, tools: […]}", ("weight", "tools"), ("weight", *TOOLS, "name")),
    _dialect(
        "together", "{messages: [{role, content, weight}, …], tools: […]}", ("tools",), ("weight", *TOOLS, "name")
    ),
    _dialect("trl", "{messages: […], tools: […]}", ("tools",), (*TOOLS, "name")),
)

"""Pairs of a preferred and a rejected answer: OpenAI's and Together's format, and `{prompt, chosen, rejected}`."""

from __future__ import annotations

from typing import Any

from evaluators.training_data.example import Example, Format, Row, RowError, read_messages, without, write_messages

OPENAI = ("input", "preferred_output", "non_preferred_output")
TRL = ("prompt", "chosen", "rejected")
REJECTED = "non_preferred_output"
"""The field with the text of the rejected answer."""


def _lacks(row: Row) -> tuple[str, ...]:
    missing = [tuple(name for name in names if name not in row) for names in (OPENAI, TRL)]
    return min(missing, key=len)


def _read(row: Row, line: int) -> Example:
    names = TRL if all(name in row for name in TRL) else OPENAI
    asked = row[names[0]]
    before = asked.get("messages") if isinstance(asked, dict) else asked
    before = [{"role": "user", "content": before}] if isinstance(before, str) else before
    if not isinstance(before, list):
        raise RowError(f"{names[0]!r} has no messages")
    chosen, rejected = (_answer(row[name], name) for name in names[1:])
    messages, _ = read_messages([*before, {"role": "assistant", "content": chosen}], name=names[0])
    return Example(line, messages, {**without(row, *names), REJECTED: rejected})


def _answer(value: Any, name: str) -> str:
    """The text of an answer, given as a text or as messages of which the last is the answer."""
    if isinstance(value, str):
        return value
    messages, _ = read_messages(value, name=name)
    return messages[-1]["content"]


def _write(example: Example) -> dict[str, Any]:
    messages = write_messages(example)
    rejected = [{"role": "assistant", "content": str(example.fields.get(REJECTED, ""))}]
    return {"input": {"messages": messages[:-1]}, "preferred_output": messages[-1:], REJECTED: rejected}


formats = (Format("preference", "{input: {messages}, preferred_output, non_preferred_output}", _lacks, _read, _write),)

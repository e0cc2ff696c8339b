"""Reads and replaces the text that a row asks, in the form that the suite's own rows have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluators.probes.probe import Source


def ask(source: Source, text: str) -> dict[str, Any]:
    """The columns that ask a text as the suite asks its own rows: after the same system message, or in its template."""
    first = source.rows[0] if source.rows else {}
    before = [dict(one) for one in first.get("messages") or () if one.get("role") in ("system", "developer")]
    if "messages" in first:
        return {"messages": [*before, {"role": "user", "content": text}]}
    return {source.column: text}


def text_of(source: Source, row: Mapping[str, Any]) -> str:
    """The text that a row asks: its last user message, or its column; empty if it has none."""
    for message in reversed(row.get("messages") or ()):
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            return str(message["content"])
    found = row.get(source.column)
    return found if isinstance(found, str) else ""


def with_text(source: Source, row: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A copy of the row that asks another text in the same place."""
    if "messages" not in row:
        return {**row, source.column: text}
    messages = [dict(one) for one in row["messages"]]
    for message in reversed(messages):
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            message["content"] = text
            break
    return {**row, "messages": messages}

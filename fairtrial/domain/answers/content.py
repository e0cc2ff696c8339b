"""Reads the text of a message's content, which is a text, nothing, or a list of parts."""

from __future__ import annotations

from typing import Any


def text_of(content: Any) -> str | None:
    """The text of a content, "" if it is null; ``None`` if it has another shape."""
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else None for part in content]
        return "".join(texts) if all(isinstance(text, str) for text in texts) else None  # type: ignore[arg-type]
    return content if isinstance(content, str) else "" if content is None else None

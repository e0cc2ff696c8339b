"""Writes counts with the right plural."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 case``, ``1,200 cases``; ``plural`` if it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"

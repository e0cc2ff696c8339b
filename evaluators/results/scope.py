"""Defines which cases a figure covers: one slice, or every slice of a tag."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """``in tag:value``, or ``in every tag`` if ``value`` is ``None``; the tag ``slice`` then means all slices."""

    tag: str
    value: str | None = None

    def __str__(self) -> str:
        return f"every {self.tag}" if self.value is None else f"{self.tag}:{self.value}"

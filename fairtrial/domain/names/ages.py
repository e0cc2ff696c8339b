"""Writes the age of something in words."""

from __future__ import annotations

from fairtrial.domain.plurals import counted

UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60))


def age(then_us: int, now_us: int) -> str:
    """``3 days ago``, ``just now``; times are microseconds since 1970, UTC."""
    seconds = (now_us - then_us) // 1_000_000
    for noun, size in UNITS:
        if seconds >= size:
            return f"{counted(seconds // size, noun)} ago"
    return "just now"

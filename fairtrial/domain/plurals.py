"""Writes counts with the right plural."""

from __future__ import annotations

from collections.abc import Mapping


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 case``, ``1,200 cases``; ``plural`` if it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def rows_by_table(counts: Mapping[str, int]) -> str:
    """``2 looks, 1 analysis plan``; tables without rows are left out."""
    return ", ".join(
        counted(count, table.replace("_", " ").removesuffix("s")) for table, count in counts.items() if count
    )

"""Splits a text into words and what stands between them, and tells which words a perturbation may change."""

from __future__ import annotations

import re
from collections.abc import Callable

from evaluators.generators.draw import Draw

PARTS = re.compile(r"\s+|\S+")
FIXED = re.compile(r"\d|@|://|[{}<>]")
"""Words that name a thing, such as order numbers and addresses: changing one changes the question."""
SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+")


def parts_of(text: str) -> list[str]:
    """The words and the white space of a text, in order; joined, they are the text."""
    return PARTS.findall(text)


def may_change(word: str) -> bool:
    """Whether it is a word that can be written differently and still mean the same."""
    return any(char.isalpha() for char in word) and not FIXED.search(word)


def change_some(text: str, draw: Draw, change: Callable[[str, Draw], str], *, one_in: int) -> str:
    """The text with about every ``one_in``-th word changed, at least one if any can be."""
    parts = parts_of(text)
    able = [at for at, part in enumerate(parts) if may_change(part) and change(part, Draw(0, part)) != part]
    for at in draw.shuffled(able)[: max(1, len(able) // one_in)]:
        parts[at] = change(parts[at], draw)
    return "".join(parts)

"""Computes a word-level diff of two texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Mark = Literal["same", "only"]
WORDS = re.compile(r"\s+|\w+|[^\w\s]")
MOST_WORDS = 4000
"""Longer texts are not compared, because that would take too long."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of one text: in both texts, or in this one ``only``."""

    text: str
    mark: Mark = "same"


@dataclass(frozen=True, slots=True)
class Differing:
    """Both texts in pieces that join to the whole texts. ``compared`` is false if they were too long."""

    base: tuple[Piece, ...]
    candidate: tuple[Piece, ...]
    compared: bool = True


def differing(base: str, candidate: str) -> Differing:
    """Leave the longest common sequences unmarked, and mark the other words of each side."""
    old, new = WORDS.findall(base), WORDS.findall(candidate)
    if max(len(old), len(new)) > MOST_WORDS:
        return Differing((Piece(base),), (Piece(candidate),), compared=False)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        mark: Mark = "same" if kind == "equal" else "only"
        left += [Piece("".join(old[a:b]), mark)] if b > a else []
        right += [Piece("".join(new[c:d]), mark)] if d > c else []
    return Differing(tuple(left), tuple(right))

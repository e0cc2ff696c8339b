"""Counts n-grams of words, and what two texts have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

Counts = Counter[Any]


def word_ngrams(words: Sequence[str], order: int) -> Counts:
    """How often each n-gram of this order occurs."""
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))


def matches(left: Counts, right: Counts) -> int:
    """The n-grams that both have, each counted as often as in the one that has fewer of it."""
    shared = left.keys() & right.keys()
    return sum(map(min, map(left.__getitem__, shared), map(right.__getitem__, shared)))


def longest_common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Its length. Each bit of an integer is a word of ``left``, so that one addition does a whole row.

    Source: Hyyrö (2004), Bit-parallel LCS-length computation revisited.
    """
    places: dict[str, int] = {}
    for at, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << at
    every = (1 << len(left)) - 1
    unmatched = every
    for word in right:
        found = unmatched & places.get(word, 0)
        unmatched = (unmatched + found | unmatched - found) & every
    return len(left) - unmatched.bit_count()

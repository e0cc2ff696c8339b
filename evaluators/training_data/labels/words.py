"""Turns prompts into a matrix of which words and pairs of words each has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

AT_LEAST = 5
"""Prompts that a word must occur in."""
MOST_WORDS = 8_000
LONGEST = 400
"""Words of a prompt that are read."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words and pairs of neighbouring words, each with its column."""

    columns: dict[str, int]

    @property
    def words(self) -> list[str]:
        """The words in the order of their columns."""
        return list(self.columns)

    def matrix(self, prompts: Sequence[str]) -> csr_matrix[Any]:
        """1 where the prompt of the row has the word of the column."""
        from scipy.sparse import csr_matrix

        found: list[int] = []
        ends = [0]
        for prompt in prompts:
            found += sorted({self.columns[term] for term in _terms(prompt) if term in self.columns})
            ends.append(len(found))
        ones = np.ones(len(found), dtype=np.float32)
        return csr_matrix((ones, found, ends), shape=(len(prompts), len(self.columns)))


def vocabulary(prompts: Sequence[str]) -> Vocabulary:
    """The most frequent words and pairs of words of normalised prompts."""
    counts: Counter[str] = Counter()
    for prompt in prompts:
        # Unlike a set, this has the same order in each process, so that equally frequent words have, too.
        counts.update(list(dict.fromkeys(_terms(prompt))))
    words = [word for word, count in counts.most_common(MOST_WORDS) if count >= AT_LEAST]
    return Vocabulary({word: at for at, word in enumerate(words)})


def without_neighbours(prompt: str, phrase: str) -> str:
    """The prompt without the two words on both sides of each place of a phrase."""
    words, size = prompt.split(), len(phrase.split())
    near = {
        one
        for at in range(len(words) - size + 1)
        if " ".join(words[at : at + size]) == phrase
        for one in (at - 2, at - 1, at + size, at + size + 1)
    }
    return " ".join(word for at, word in enumerate(words) if at not in near)


def even_sample(rows: int, most: int) -> NDArray[np.int64]:
    """So many of the row numbers, evenly spread; all of them if there are no more."""
    step = max(1.0, rows / most)
    return (np.arange(int(rows / step)) * step).astype(np.int64)


def _terms(prompt: str) -> Iterator[str]:
    words = prompt.split(" ", LONGEST)[:LONGEST]
    yield from words
    yield from (f"{one} {other}" for one, other in pairwise(words))

"""Turns texts into vectors whose product is their similarity: TF-IDF of word beginnings, or wordllama if installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluators.training_data.similarity.containment import words_of
from fairtrial.domain.answers.signals import identifier

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEGINNING = 5
"""Letters of a word that count, so that inflected forms are one word in most languages."""
BLOCK = 64
"""Texts that are compared with all others at a time."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """``vectors`` gives a matrix with a row of length 1 for each text. ``alike``: the similarity of a paraphrase.

    ``reads``: whether it can judge a text.
    """

    vectors: Callable[[Sequence[str]], Any]
    alike: float
    reads: Callable[[str], bool] = lambda _: True


def embedders() -> list[Embedder]:
    """TF-IDF for all languages, and wordllama for English where the extra `embeddings` is installed."""
    words = Embedder(_tfidf, 0.7)
    try:
        import wordllama
    except ImportError:
        return [words]
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    embed = partial(model.embed, norm=True)
    return [words, Embedder(lambda texts: embed([text or "-" for text in texts]), 0.85, _is_english)]


def _is_english(text: str) -> bool:
    return bool(identifier().classify(text)[0] == "en")


def similarities(left: Any, right: Any) -> Iterator[NDArray[np.float32]]:
    """The similarities of each left row with all right rows."""
    across = right.T.tocsr() if hasattr(right, "tocsr") else right.T
    for start in range(0, left.shape[0], BLOCK):
        block = left[start : start + BLOCK] @ across
        yield from np.asarray(block.toarray() if hasattr(block, "toarray") else block, dtype=np.float32)


def _tfidf(texts: Sequence[str]) -> Any:
    """A sparse matrix. Words in one text alone, and in all texts, say nothing about similarity."""
    from scipy.sparse import csr_matrix, diags  # slow to load, and only files with held-out rows need it

    numbers: dict[str, int] = {}
    words = [[numbers.setdefault(word[:BEGINNING], len(numbers)) for word in words_of(text)] for text in texts]
    starts = np.concatenate(([0], np.cumsum([len(row) for row in words])))
    ids = np.array([number for row in words for number in row], dtype=np.int64)
    counts = csr_matrix((np.ones(len(ids), dtype=np.float32), ids, starts), shape=(len(texts), max(1, len(numbers))))
    counts.sum_duplicates()
    texts_with = np.bincount(counts.indices, minlength=counts.shape[1])
    counts.data = 1 + np.log(counts.data)
    weighted = counts @ diags(np.log((1 + len(texts)) / (1 + texts_with)).astype(np.float32))
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return diags(1 / np.maximum(lengths, 1e-9)) @ weighted

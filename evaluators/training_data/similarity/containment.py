"""Finds texts that stand inside longer ones, such as a question in a greeting, or mean the same in other words."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.training_data.similarity.near_duplicates import numbers_in
from fairtrial.language_model import identifier

LEAST_WORDS, LEAST_LETTERS = 5, 15
"""The shortest text that is looked for, in words, or in characters of a script without spaces."""
SHINGLE, PASSAGE = 3, 13
"""Words of the shingles that propose pairs. A text of up to 13 words must then occur as a whole in the other text."""
COVERED = 0.8
"""The share of a longer text's words that must lie in passages of 13 words of the other text."""
DISTINCTIVE = 0.5
"""The share of a text's shingles that must be rare and shared, so that phrases of the domain are not found."""
RARE, RARE_SHARE = 20, 0.0005
"""A shingle in more texts than this, and in more than this share of them, is a phrase of the domain."""
MOST_COUNTED = 5_000_000
"""Pairs of rows with a shingle in common that are counted, those of the rarest shingles first."""
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_UNIT = re.compile(f"{_UNSPACED.pattern}|[^\\s{_UNSPACED.pattern[1:-1]}]+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Pair = tuple[int, int]
Shingles = tuple["NDArray[np.uint64]", "NDArray[np.int64]"]
"""The distinct shingles of each row as hashes, in order, and the row of each."""


def words_of(text: str) -> list[str]:
    """The words of a normalised text; characters of scripts that put no spaces between words are words."""
    return _UNIT.findall(text) if _UNSPACED.search(text) else text.split()


def contained_pairs(texts: Sequence[str], ours: Sequence[int], theirs: Sequence[int]) -> list[Pair]:
    """Pairs of one of our rows and one of theirs, of which one text contains the other."""
    if not ours or not theirs:
        return []
    numbers: dict[str, int] = {}
    ids = {row: [numbers.setdefault(word, len(numbers)) for word in words_of(texts[row])] for row in {*ours, *theirs}}
    pairs: set[Pair] = set()
    for length in (SHINGLE, PASSAGE):
        left, right = (_shingles(rows, ids, length) for rows in (ours, theirs))
        pairs.update(_proposed(left, right, {row: len(of) - length + 1 for row, of in ids.items()}))
    return sorted(
        pair for pair in pairs if pair[0] != pair[1] and is_contained(*(words_of(texts[row]) for row in pair))
    )


def _shingles(rows: Sequence[int], ids: dict[int, list[int]], length: int) -> Shingles:
    lengths = np.array([len(ids[row]) for row in rows], dtype=np.int64)
    words = np.array([number for row in rows for number in ids[row]], dtype=np.uint64)
    last = max(0, len(words) - length + 1)
    hashes = np.zeros(last, dtype=np.uint64)
    for at in range(length):
        hashes = (hashes + words[at : at + last] + np.uint64(1)) * _MULTIPLIER
        hashes ^= hashes >> np.uint64(31)
    row_of = np.repeat(np.asarray(rows, dtype=np.int64), lengths)
    inside = row_of[:last] == row_of[length - 1 :][:last]
    hashes, row_of = hashes[inside], row_of[:last][inside]
    order = np.lexsort((row_of, hashes))
    hashes, row_of = hashes[order], row_of[order]
    first = np.ones(len(hashes), dtype=bool)
    first[1:] = (hashes[1:] != hashes[:-1]) | (row_of[1:] != row_of[:-1])
    return hashes[first], row_of[first]


def _proposed(left: Shingles, right: Shingles, counts: dict[int, int]) -> Iterator[Pair]:
    """Pairs that share most shingles of the shorter text, counting rare ones only; ``counts``: the shingles of each."""
    most = max(RARE, RARE_SHARE * len(counts))
    common = np.intersect1d(left[0], right[0])
    spans = [np.searchsorted(side[0], common, edge) for side in (left, right) for edge in ("left", "right")]
    sizes = [spans[1] - spans[0], spans[3] - spans[2]]
    order = np.argsort(sizes[0] * sizes[1], kind="stable")
    order = order[(np.maximum(*sizes)[order] <= most) & (np.cumsum((sizes[0] * sizes[1])[order]) <= MOST_COUNTED)]
    products = (sizes[0] * sizes[1])[order]
    at = np.arange(products.sum()) - np.repeat(np.cumsum(products) - products, products)
    width = np.repeat(sizes[1][order], products)
    ones = left[1][np.repeat(spans[0][order], products) + at // width]
    others = right[1][np.repeat(spans[2][order], products) + at % width]
    rows = max(counts) + 1
    pairs, shared = np.unique(ones * rows + others, return_counts=True)
    for pair, count in zip(pairs.tolist(), shared.tolist(), strict=True):
        one, other = divmod(pair, rows)
        if count >= DISTINCTIVE * min(counts[one], counts[other]):
            yield one, other


def is_contained(
    left: Sequence[str], right: Sequence[str], *, least: int | None = None, covered_share: float = COVERED
) -> bool:
    """Whether the shorter list of words is a part of the longer one, with the same numbers if it has any.

    ``least``: the words that it must have, by default enough that no two texts share them by chance.
    """
    inner, outer = sorted((left, right), key=len)
    usual = LEAST_LETTERS if max(map(len, inner), default=0) == 1 else LEAST_WORDS
    if len(inner) < (usual if least is None else least):
        return False
    numbers = numbers_in(set(inner))
    if numbers and numbers != numbers_in(set(outer)):
        return False
    length = min(len(inner), PASSAGE)
    passages = {tuple(outer[at : at + length]) for at in range(len(outer) - length + 1)}
    covered: set[int] = set()
    for at in range(len(inner) - length + 1):
        if tuple(inner[at : at + length]) in passages:
            covered.update(range(at, at + length))
    return len(covered) >= covered_share * len(inner)


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

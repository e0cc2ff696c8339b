"""Weighs the words, pairs of words and groups of letters of texts, as scikit-learn's `TfidfVectorizer` does.

Groups of letters are counted once for each word instead of once for each text, which takes a third of the time.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Counts = Callable[[slice], csr_matrix[Any]]
    """How often each text of a block has each term."""

MOST_TERMS = 50_000
"""Terms of each kind: words with pairs of words, and groups of letters."""
LEAST_TEXTS = 2
GROUPS = (2, 3, 4)
"""Letters of a group, which lies in one word with a space on both sides."""
LETTER_BITS = 16
"""Four letters make one number, so more than 65,535 different ones share the last of their numbers."""
BLOCK = 1_000
"""Texts whose features are counted at a time."""


def text_features(texts: Sequence[str]) -> csr_matrix[Any]:
    """One line of unit length for each text, which also tells texts of languages without spaces apart."""
    from scipy.sparse import csr_matrix, hstack

    words, ids, line_of = _read(texts)
    followed = np.flatnonzero(line_of[1:] == line_of[:-1])
    first = ids.astype(np.int64) * (len(words) + 1)
    pairs = np.concatenate((first, first[followed] + ids[followed + 1] + 1))
    terms, columns = np.unique(pairs, return_inverse=True)
    with_pairs = _counted(np.concatenate((line_of, line_of[followed])), columns, (len(texts), len(terms)))
    has, groups = _counted(line_of, ids, (len(texts), len(words))), _groups(words)
    blocks = [slice(start, start + BLOCK) for start in range(0, len(texts), BLOCK)]
    kinds = [_weights(counts, blocks) for counts in (lambda at: with_pairs[at], lambda at: has[at] @ groups)]
    kept = [kept for kept, _, _ in kinds]
    with_pairs, groups = with_pairs[:, kept[0]], groups[:, kept[1]]
    size = sum(size for _, _, size in kinds)
    data, indices = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.int32)
    ends = [0]
    for block in blocks:
        both = (with_pairs[block], has[block] @ groups)
        weighed = [_weighed(of, weights) for of, (_, weights, _) in zip(both, kinds, strict=True)]
        part = _of_unit_length(hstack(weighed, "csr"))
        data[ends[-1] : ends[-1] + part.nnz] = part.data
        indices[ends[-1] : ends[-1] + part.nnz] = part.indices
        ends += (part.indptr[1:] + ends[-1]).tolist()
    return csr_matrix((data, indices, ends), shape=(len(texts), sum(map(len, kept))))


def _read(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int32], NDArray[np.int32]]:
    """The different words in the order of the alphabet; for each word of the texts, its number and that of its text."""
    numbers: dict[str, int] = {}
    ids, lengths = array("i"), array("i")
    for text in texts:
        line = text.lower().split()
        ids.extend([numbers.setdefault(word, len(numbers)) for word in line])
        lengths.append(len(line))
    words = sorted(numbers)
    places = np.empty(len(words), dtype=np.int32)
    places[[numbers[word] for word in words]] = np.arange(len(words))
    return words, places[np.asarray(ids)], np.repeat(np.arange(len(texts), dtype=np.int32), lengths)


def _groups(words: Sequence[str]) -> csr_matrix[Any]:
    """How often each word has each group of letters; the groups are in the order of the alphabet."""
    text = "".join(f" {word} " for word in words)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    letters = np.minimum(np.unique(points, return_inverse=True)[1] + 1, (1 << LETTER_BITS) - 1).astype(np.uint64)
    word_of = np.repeat(np.arange(len(words)), [len(word) + 2 for word in words])
    keys, owners = [], []
    for length in GROUPS:
        starts = np.flatnonzero(word_of[length - 1 :] == word_of[: len(word_of) - length + 1])
        shifts = [np.uint64((GROUPS[-1] - 1 - at) * LETTER_BITS) for at in range(length)]
        keys.append(np.sum([letters[starts + at] << shift for at, shift in enumerate(shifts)], axis=0, dtype=np.uint64))
        owners.append(word_of[starts])
    groups, columns = np.unique(np.concatenate(keys), return_inverse=True)
    return _counted(np.concatenate(owners), columns, (len(words), len(groups)))


def _counted(lines: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int]) -> csr_matrix[Any]:
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(lines), dtype=np.int32), (lines, columns)), shape=shape)


def _weights(counts: Counts, blocks: Sequence[slice]) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """The terms that several texts have, the most frequent ones, how rare they are, and how often texts have them."""
    terms = counts(blocks[0]).shape[1]
    texts, having, totals = 0, np.zeros(terms, dtype=np.int64), np.zeros(terms, dtype=np.int64)
    for part in map(counts, blocks):
        texts += part.shape[0]
        having += np.bincount(part.indices, minlength=terms)
        totals += np.asarray(part.sum(axis=0)).ravel()
    kept = np.flatnonzero(having >= LEAST_TEXTS)
    if len(kept) > MOST_TERMS:
        kept = np.sort(kept[np.argsort(-totals[kept])[:MOST_TERMS]])
    return kept, np.log((1 + texts) / (1 + having[kept])) + 1, int(having[kept].sum())


def _weighed(counts: csr_matrix[Any], weights: NDArray[np.float64]) -> csr_matrix[Any]:
    weighed = counts.astype(np.float64)
    weighed.data = (np.log(weighed.data) + 1) * weights[weighed.indices]
    return _of_unit_length(weighed)


def _of_unit_length(lines: csr_matrix[Any]) -> csr_matrix[Any]:
    owners = np.repeat(np.arange(lines.shape[0]), np.diff(lines.indptr))
    lines.data /= np.sqrt(np.bincount(owners, lines.data**2, lines.shape[0]))[owners]
    return lines

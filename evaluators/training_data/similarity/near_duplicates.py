"""Finds exact and near duplicates: MinHash and LSH propose pairs, and true similarity decides."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

Key = TypeVar("Key")
Value = TypeVar("Value")
_DIGIT = re.compile(r"\d")
THRESHOLD = 0.8
"""Two texts are near duplicates if their sets of words, or of character 3-grams, have at least this Jaccard similarity.

If their numbers differ, the words decide: "14 times 3" and "14 times 5" are two questions.
"""
HOPELESS, FEW_WORDS = 0.5, 6
"""Texts of more than six words that share less than half of them are not compared by their letters."""
DISTINCTIVE = 0.6
"""The similarity that their rare words must have, so that a long instruction does not make all rows alike."""
COMMON_SHARE, COMMON_AT_LEAST = 0.05, 20
"""A word in more than this share of the texts, and in this many, is not rare."""
MOST_COUNTED = 20_000
"""Texts whose words are counted."""
BANDS, BAND_ROWS = 32, 4
"""Pairs whose rare shingles have a similarity of 0.5 share one of the 32 bands with a probability of 87 %, pairs of
0.6 with 99 %, and pairs of 0.2 with 5 %."""
PROMISING = 0.3
"""The estimated similarity from which on a pair is compared word by word."""
FULL_COMPARISON = 40
"""Texts of one band that are all compared with each other; a larger group is compared with its first texts only."""


@dataclass(frozen=True, slots=True)
class SimilarRows:
    """``same``: groups of rows with equal texts. ``near``: pairs of nearly equal texts, one row for each text."""

    same: tuple[tuple[int, ...], ...]
    near: tuple[tuple[int, int], ...]

    def clusters(self) -> list[list[int]]:
        """All groups of rows that are connected, each and all in order."""
        return connected((group[0], row) for group in (*self.same, *self.near) for row in group[1:])


def connected(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The groups of rows that pairs connect, each and all in order."""
    leader: dict[int, int] = {}

    def find(row: int) -> int:
        while leader.setdefault(row, row) != row:
            leader[row] = leader[leader[row]]
            row = leader[row]
        return row

    for pair in pairs:
        first, second = sorted(map(find, pair))
        leader[second] = first
    return list(grouped((find(row), row) for row in sorted(leader)).values())


def grouped(pairs: Iterable[tuple[Key, Value]]) -> defaultdict[Key, list[Value]]:
    """The values of each key, in their order."""
    values: defaultdict[Key, list[Value]] = defaultdict(list)
    for key, value in pairs:
        values[key].append(value)
    return values


def find_similar(texts: Sequence[str]) -> SimilarRows:
    """Which of the normalised texts are the same or nearly the same. Empty texts are ignored."""
    rows = grouped((text, row) for row, text in enumerate(texts) if text)
    first = [group[0] for group in rows.values()]
    near = _near(list(rows))
    same = tuple(tuple(group) for group in rows.values() if len(group) > 1)
    return SimilarRows(same, tuple((first[one], first[other]) for one, other in near))


def _near(texts: Sequence[str]) -> list[tuple[int, int]]:
    common = _common_words(texts)
    return [(first, second) for first, second in _proposed(texts) if similar(texts[first], texts[second], common)]


def similar(first: str, second: str, common: frozenset[str] = frozenset()) -> bool:
    """Whether two normalised texts are near duplicates."""
    words, others = set(first.split()), set(second.split())
    by_words = _jaccard(words, others)
    if by_words < HOPELESS and min(len(words), len(others)) > FEW_WORDS:
        return False
    same_numbers = numbers_in(words) == numbers_in(others)
    if by_words < THRESHOLD and (not same_numbers or _jaccard(_grams(first), _grams(second)) < THRESHOLD):
        return False
    return _jaccard(words - common, others - common) >= (DISTINCTIVE if same_numbers else THRESHOLD)


def _proposed(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs that share a band of their signatures, and enough of the rest to be similar, in order."""
    if len(texts) < 2:
        return []
    signed = np.empty((len(texts), PERMUTATIONS), dtype=np.uint32)
    keys = np.empty((len(texts), BANDS), dtype=np.uint64)
    rows = np.empty(0, dtype=np.int64)
    for number, block in enumerate(signatures(texts)):
        kept = np.flatnonzero(np.any(block, axis=1))
        places = slice(len(rows), len(rows) + len(kept))
        signed[places], keys[places] = block[kept], _band_keys(block[kept])
        rows = np.concatenate((rows, number * CHUNK + kept))
    if not len(rows):
        return []
    signed, keys = signed[: len(rows)], keys[: len(rows)]
    pairs = np.unique(np.concatenate([_promising(signed, _sharing(keys[:, band])) for band in range(BANDS)]))
    return list(zip(rows[pairs // len(rows)].tolist(), rows[pairs % len(rows)].tolist(), strict=True))


def _promising(signed: NDArray[np.uint32], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pairs whose signatures agree in enough places."""
    agree = [
        np.equal(signed[part // len(signed)], signed[part % len(signed)]).mean(axis=1) >= PROMISING
        for part in np.array_split(pairs, len(pairs) // CHUNK + 1)
    ]
    promising: NDArray[np.int64] = pairs[np.concatenate(agree)]
    return promising


def _sharing(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Pairs of places with the same key, each as one number. Equal keys are neighbours once sorted."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(np.append(starts, len(keys)))
    places = np.arange(len(keys)) - np.repeat(starts, sizes)
    left = np.repeat(sizes, sizes) - places - 1
    compared = (np.repeat(sizes, sizes) <= FULL_COMPARISON) | (places < FULL_COMPARISON // 10)
    firsts = np.flatnonzero(compared & (left > 0))
    counts = left[firsts]
    steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    ones = np.repeat(firsts, counts)
    pairs: NDArray[np.int64] = order[ones].astype(np.int64) * len(keys) + order[ones + steps]
    return pairs


def _band_keys(block: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """One 64-bit key for each band of each signature; the keys of a signature of zeros are 0."""
    rows = block[:, : BANDS * BAND_ROWS].reshape(len(block), BANDS, BAND_ROWS).astype(np.uint64)
    keys = np.zeros((len(block), BANDS), dtype=np.uint64)
    for at in range(BAND_ROWS):
        keys = (keys ^ rows[:, :, at]) * np.uint64(0x100000001B3)
        keys ^= keys >> np.uint64(31)
    return keys


def _common_words(texts: Sequence[str]) -> frozenset[str]:
    sample = texts[:: max(1, len(texts) // MOST_COUNTED)]
    most = max(COMMON_AT_LEAST, COMMON_SHARE * len(sample))
    counts = Counter(word for text in sample for word in set(text.split()))
    return frozenset(word for word, count in counts.items() if count > most)


def _grams(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[at : at + 3] for at in range(max(1, len(padded) - 2))}


def numbers_in(words: set[str]) -> set[str]:
    return {word for word in words if _DIGIT.search(word)}


def _jaccard(first: set[str], second: set[str]) -> float:
    return len(first & second) / len(first | second) if first or second else 1.0


LENGTH = 5
"""Characters of a shingle."""
LONGEST = 4_000
"""Characters of a text that are compared; what follows rarely makes a difference."""
CHUNK, COUNTED = 500, 4_000
"""Texts that are hashed at a time, which the processor's cache can hold, and whose hashes are counted at a time."""
COMMON_GRAM_SHARE, COMMON_GRAM_AT_LEAST = 0.01, 100
"""A shingle that occurs more often than in this share of the texts, and this often, is boilerplate and is left out."""

PERMUTATIONS = 128
SEED = 20261126
_BUCKETS = 1 << 22
_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93,
                         0xA0761D6478BD642F], dtype=np.uint64)  # fmt: skip


def signatures(texts: Sequence[str]) -> Iterator[NDArray[np.uint32]]:
    """The signatures of all texts in order, in blocks.

    A text whose shingles are all common has a signature of zeros.
    """
    common = _common(texts)
    for start in range(0, len(texts), CHUNK):
        hashes, offsets = _rare(*_hashed(texts[start : start + CHUNK]), common)
        matrix: Any = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, PERMUTATIONS, SEED)
        block = np.array(matrix.to_rows(), dtype=np.uint32)
        block[np.diff(offsets.astype(np.int64)) == 0] = 0
        yield block


def _hashed(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hashes of all shingles of some texts, and where those of each text begin and end."""
    padded = [f" {text[:LONGEST]} ".ljust(LENGTH) for text in texts]
    lengths = np.array([len(text) for text in padded], dtype=np.int64)
    points = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    last = len(points) - LENGTH + 1
    hashes = np.zeros(last, dtype=np.uint64)
    for at, multiplier in enumerate(_MULTIPLIERS):
        hashes += points[at : at + last] * multiplier
    hashes ^= hashes >> np.uint64(29)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(32)
    return _inside(hashes, lengths), np.concatenate(([0], np.cumsum(lengths - LENGTH + 1)))


def _inside(hashes: NDArray[np.uint64], lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Without the shingles that begin in one text and end in the next."""
    keep = np.ones(len(hashes), dtype=bool)
    ends = np.cumsum(lengths)[:-1]
    for back in range(1, LENGTH):
        keep[ends - back] = False
    return hashes[keep]


def _common(texts: Sequence[str]) -> NDArray[np.bool_]:
    """Which buckets of hashes are boilerplate."""
    counts = np.zeros(_BUCKETS, dtype=np.int64)
    for start in range(0, len(texts), COUNTED):
        part = texts[start : start + COUNTED]
        buckets = [_bucket(_hashed(part[at : at + CHUNK])[0]) for at in range(0, len(part), CHUNK)]
        counts += np.bincount(np.concatenate(buckets), minlength=_BUCKETS)
    return counts > max(COMMON_GRAM_AT_LEAST, COMMON_GRAM_SHARE * len(texts))


def _bucket(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (hashes & np.uint64(_BUCKETS - 1)).view(np.int64)


def _rare(
    hashes: NDArray[np.uint64], offsets: NDArray[np.int64], common: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    keep = ~common[_bucket(hashes)]
    return np.ascontiguousarray(hashes[keep]), np.concatenate(([0], np.cumsum(keep)))[offsets].astype(np.uint64)

"""Computes MinHash signatures of texts from their character 5-grams, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rensa import RMinHash

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENGTH = 5
"""Characters of a shingle."""
LONGEST = 4_000
"""Characters of a text that are compared; what follows rarely makes a difference."""
CHUNK = 4_000
"""Texts that are hashed at a time."""
COMMON_SHARE, COMMON_AT_LEAST = 0.01, 100
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
    counts = np.zeros(_BUCKETS, dtype=np.int32)
    for start in range(0, len(texts), CHUNK):
        hashes, _ = _hashed(texts[start : start + CHUNK])
        counts += np.bincount((hashes % _BUCKETS).astype(np.int64), minlength=_BUCKETS).astype(np.int32)
    return counts > max(COMMON_AT_LEAST, COMMON_SHARE * len(texts))


def _rare(
    hashes: NDArray[np.uint64], offsets: NDArray[np.int64], common: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    keep = ~common[hashes % _BUCKETS]
    kept = np.concatenate(([0], np.cumsum(keep)))
    return np.ascontiguousarray(hashes[keep]), kept[offsets].astype(np.uint64)

"""Loads py3langid's model from a file that is unpacked once and then mapped into memory.

The package ships the model compressed: unpacking it at each start takes almost half a second and 130 MB.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
from py3langid.modelio import load_model

from fairtrial.safe_files import MIB, open_regular

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ARRAYS = ("ptc", "pc", "classes", "nextmove", "row", "output")
"""The parts of the model in the order of `load_model`."""
BLOCK = 1_000
"""Texts that are read side by side."""
INTACT = 0x2144DF1C
"""The CRC-32 of any content that is followed by its own CRC-32, least significant byte first."""


@cache
def identifier(languages: tuple[str, ...] = ()) -> LanguageIdentifier:
    """The model of these languages, or of all; the unpacked one, or the package's where no file can be kept."""
    ptc, pc, classes, nextmove, row, output = _unpacked() or load_model(MODEL_DIR / MODEL_FILE)
    model = LanguageIdentifier(ptc, pc, classes, nextmove, output, norm_probs=True, tk_row=row)
    if languages:
        model.set_languages([name for name in languages if name in model.labels])
    return model


def shares_of(texts: Sequence[str], languages: tuple[str, ...]) -> NDArray[np.float64]:
    """The probability of each of the languages (across) for each text (down), which `identifier` gives one by one."""
    model = identifier(languages)
    moves, rows, outputs = (np.asarray(part) for part in (model.tk_nextmove, model.tk_row, model.tk_output))
    table = np.ascontiguousarray(model.nb_ptc, dtype=np.float32)
    is_of = np.array([[of == name for name in languages] for of in model.nb_classes], dtype=np.float64)
    encoded = [model._encode(text) for text in texts]
    order = sorted(range(len(texts)), key=lambda at: -len(encoded[at]))
    shares = np.empty((len(texts), len(languages)))
    for start in range(0, len(texts), BLOCK):
        block = order[start : start + BLOCK]
        lines = [encoded[at] for at in block]
        counts = _features(lines, (moves, rows, outputs), len(table))
        scores = counts @ table + np.where(np.diff(counts.indptr)[:, None] > 0, model.nb_pc, 0)
        scores /= np.sqrt([[max(1, len(line))] for line in lines])
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares[block] = (scores / scores.sum(axis=1, keepdims=True)) @ is_of
    return shares


def _features(lines: Sequence[bytes], walk: tuple[NDArray[Any], ...], features: int) -> csr_matrix[Any]:
    """How often each line has each feature, as a logarithm. All lines, the longest first, are walked side by side."""
    from scipy.sparse import csr_matrix

    moves, rows, outputs = walk
    lengths = np.array([len(line) for line in lines])
    letters = np.zeros((len(lines), lengths[0]), dtype=np.uint8)
    for line, of in zip(lines, letters, strict=True):
        of[: len(line)] = np.frombuffer(line, dtype=np.uint8)
    found = np.full((lengths[0], len(lines)), -1, dtype=np.int32)
    state = np.zeros(len(lines), dtype=np.intp)
    for at, (column, of) in enumerate(zip(letters.T, found, strict=True)):
        longer = int(np.searchsorted(-lengths, -at))
        state = moves[(rows[state[:longer]] << 8) + column[:longer]]
        of[:longer] = outputs[state]
    places, owners = np.nonzero(found >= 0)
    ones = np.ones(len(places), dtype=np.float32)
    counts = csr_matrix((ones, (owners, found[places, owners])), shape=(len(lines), features))
    counts.data = np.log1p(counts.data)
    return counts


def unpacked_path() -> Path:
    """The file of the unpacked model. Its name changes with the package and its model; raises without a home folder."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = cache_home if cache_home.is_absolute() else Path.home() / ".cache"
    digest = sha256((MODEL_DIR / MODEL_FILE).read_bytes()).hexdigest()
    return folder / "fairtrial" / "languages" / f"py3langid-{version('py3langid')}-{digest[:16]}.npy"


@cache
def _unpacked() -> tuple[Any, ...] | None:
    """The parts of the unpacked model, which is written first if there is none or it is damaged."""
    try:
        path = unpacked_path()
        if not _is_intact(path):
            _write(path)
        model = np.load(path, mmap_mode="r")[0]
    except (OSError, ValueError, RuntimeError):  # no home folder, no space, or no permission
        return None
    ptc, pc, classes, nextmove, row, output = (np.asarray(model[name]) for name in ARRAYS)
    # The walk over a text reads single numbers, which lists and memory views give faster than arrays.
    return ptc, pc, classes.tolist(), nextmove.data, row.tolist(), output.tolist()


def _is_intact(path: Path) -> bool:
    try:
        return _checksum(path) == INTACT
    except (OSError, ValueError):  # missing, unreadable, or not a regular file
        return False


def _checksum(path: Path) -> int:
    checksum = 0
    with os.fdopen(open_regular(path), "rb") as file:
        while piece := file.read(MIB):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def _write(path: Path) -> None:
    """Unpack the model into a new file, which then takes the place of the old one. Several processes may do so."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
        parts: list[NDArray[Any]] = [np.asarray(part) for part in load_model(MODEL_DIR / MODEL_FILE)]
        kinds = [(name, part.dtype, part.shape) for name, part in zip(ARRAYS, parts, strict=True)]
        new = Path(folder) / path.name
        np.save(new, np.array([tuple(parts)], dtype=np.dtype(kinds, align=True)))
        with new.open("ab") as file:
            file.write(_checksum(new).to_bytes(4, "little"))
        new.replace(path)

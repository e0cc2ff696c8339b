"""Loads py3langid's model from a file that is unpacked once and then mapped into memory.

The package ships the model compressed: unpacking it at each start takes almost half a second and 130 MB.
"""

import os
import tempfile
import zlib
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
from py3langid.modelio import load_model

from fairtrial.safe_files import MIB, open_regular

ARRAYS = ("ptc", "pc", "classes", "nextmove", "row", "output")
"""The parts of the model in the order of `load_model`."""
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

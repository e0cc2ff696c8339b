"""Sealed segments of the journal, compressed with zstd: written, read and rewritten without a unit's lines.

A compressed segment is never changed in place. Its new file is written under a hidden name, synced, and renamed, so a
killed owner leaves the old file or the new one. Offsets count uncompressed bytes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow

from fairtrial.config.private_files import sync_folder
from fairtrial.journal.reader import CHUNK_BYTES, Chunk, chunk_of
from fairtrial.journal.reader import read_chunk as read_plain_chunk
from fairtrial.journal.segment import COMPRESSED, MODE, files, is_compressed, names, segment_name
from fairtrial.store.core.database import Database

HIDDEN = ".archiving-"
"""How the name of an unfinished file begins."""

FRAME = 2**20
"""Uncompressed bytes of a frame: some milliseconds of work, between which the archive rests."""

REST = 4
"""How many times as long as a frame took the archive rests, so that it uses a fifth of a core at most."""

LEVEL = 3
SEALED = """
SELECT segment, max(position) FROM offsets WHERE segment IN (SELECT unnest(?::VARCHAR[])) GROUP BY segment
HAVING bool_or(sealed)
"""

Pause = Callable[[float], bool]
"""Waits so many seconds; true if the work is to be given up."""


class _GivenUp(Exception):
    """The segment stays as it is."""


def compress_sealed(database: Database, pause: Pause) -> int:
    """Compress the segments that are sealed and wholly in the store; returns how many. Raises `OSError`, `StoreError`.

    Erasing waits until the segment at hand is done: both change the same files.
    """
    done = database.layout.journal / "done"
    plain = [path for path in names(done) if not is_compressed(path)]
    ends = dict(database.rows(SEALED, [[path.name for path in plain]])) if plain else {}
    compressed = 0
    for path in plain:
        with database.sealed_segments:
            if not path.exists() or path.stat().st_size != ends.get(path.name):
                continue  # retention has taken it, or not all of it is in the store
            if not compress(path, pause):
                break
        compressed += 1
    return compressed


def compress(path: Path, pause: Pause) -> bool:
    """Put a compressed file in the place of a segment's plain one; false if that was given up. Raises `OSError`.

    Killed on the way, there are the plain file and perhaps a whole or unfinished compressed one, which `sweep` deletes.
    """
    target = path.with_name(path.name + COMPRESSED)
    try:
        with path.open("rb") as file, _replacing(target, like=path) as out:
            while piece := file.read(FRAME):
                begun = time.monotonic()
                out.write(_frame(piece))
                if pause(REST * (time.monotonic() - begun)):
                    raise _GivenUp
    except _GivenUp:
        return False
    path.unlink()
    sync_folder(path.parent)
    return True


def read_chunk(path: Path, position: int, *, limit: int = CHUNK_BYTES) -> Chunk:
    """`fairtrial.journal.reader.read_chunk` for plain and compressed segments."""
    if not is_compressed(path):
        return read_plain_chunk(path, position, limit=limit)
    with _opened(path) as read:
        left = position
        while left and (skipped := read(min(FRAME, left))):
            left -= len(skipped)
        return chunk_of(read, position, limit=limit)


def read_first_line(path: Path) -> bytes:
    """The first line of a plain or compressed segment, with its newline if it has one."""
    chunk = read_chunk(path, 0, limit=FRAME)
    return (chunk.lines or chunk.tail).partition(b"\n")[0] + (b"\n" if chunk.lines else b"")


def blank_compressed_lines(path: Path, unwanted: Callable[[bytes], bool], *, end: int) -> int:
    """Replace each unwanted line that begins before ``end`` by blanks of the same length; returns how many there were.

    The file is rewritten only if there are any; it keeps the time when the segment was last written to. Raises
    `OSError`.
    """

    def goes(position: int, line: bytes) -> bool:
        return position < end and bool(line.strip()) and unwanted(line)

    if not any(goes(position, line) for position, line in _lines(path)):
        return 0
    blanked = 0
    with _replacing(path, like=path) as out:
        frame = bytearray()
        for position, line in _lines(path):
            if goes(position, line):
                blanked += 1
                frame += b" " * len(line.rstrip(b"\n")) + line[len(line.rstrip(b"\n")) :]
            else:
                frame += line
            if len(frame) >= FRAME:
                out.write(_frame(bytes(frame)))
                frame.clear()
        out.write(_frame(bytes(frame)))
    return blanked


def sweep(folder: Path) -> None:
    """Delete what a killed owner left: unfinished files, and one of two files of a segment. Raises `OSError`.

    The plain file stays if it is whole, for a program that knows no compressed ones may have erased from it.
    """
    for path in folder.glob(f"{HIDDEN}*"):
        path.unlink()
    for path in files(folder):
        plain = path.with_name(segment_name(path))
        if plain != path and plain.exists():
            (path if plain.stat().st_size >= _length(path) else plain).unlink()


def _frame(piece: bytes) -> bytes:
    compressed: bytes = pyarrow.Codec("zstd", compression_level=LEVEL).compress(piece, asbytes=True)
    return compressed


@contextmanager
def _opened(path: Path) -> Iterator[Callable[[int], bytes]]:
    """Reads uncompressed bytes, fewer than asked for at the end alone; raises `OSError` where the file is cut."""
    with path.open("rb") as file, pyarrow.CompressedInputStream(file, "zstd") as stream:
        yield stream.read


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a compressed segment and where they begin, each with its newline; the last one may have none."""
    position = 0
    with _opened(path) as read:
        rest = b""
        while piece := read(FRAME):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield position, line + b"\n"
                position += len(line) + 1
        if rest:
            yield position, rest


def _length(path: Path) -> int:
    """How many bytes it holds, uncompressed."""
    with _opened(path) as read:
        return sum(len(piece) for piece in iter(lambda: read(FRAME), b""))


@contextmanager
def _replacing(target: Path, *, like: Path) -> Iterator[BinaryIO]:
    """A file that takes the target's place at the end, synced; on any error the target stays what it was."""
    hidden = target.with_name(HIDDEN + target.name)
    hidden.unlink(missing_ok=True)
    before = like.stat()
    fd = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, MODE)
    try:
        with os.fdopen(fd, "wb") as out:
            yield out
            out.flush()
            os.utime(fd, ns=(before.st_atime_ns, before.st_mtime_ns))
            os.fsync(fd)
        hidden.replace(target)
        sync_folder(target.parent)
    finally:
        hidden.unlink(missing_ok=True)

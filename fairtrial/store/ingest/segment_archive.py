"""Archives sealed journal segments with zstd, and rewrites them without a unit's lines."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fairtrial.journal.reader import CHUNK_BYTES, Chunk, chunk_of, read_chunk as read_plain_chunk
from fairtrial.journal.segment import COMPRESSED, DONE, MODE, files, is_compressed, names, segment_name
from fairtrial.named_files import open_named
from fairtrial.safe_files import sync_folder
from fairtrial.store.core.database import Database

HIDDEN = ".archiving-"
"""Prefix of an unfinished file's name."""

FRAME = 2**20
"""Uncompressed bytes of a frame, which takes some milliseconds. The archive pauses between frames."""

REST = 4
"""The pause after a frame, as a multiple of the time the frame took. It limits the archive to a fifth of a core."""

LEVEL = 3
SEALED = """
SELECT segment, max(position) FROM offsets WHERE segment IN (SELECT unnest(?::VARCHAR[])) GROUP BY segment
HAVING bool_or(sealed)
"""

Pause = Callable[[float], bool]
"""Waits for this many seconds; returns true if the work is to be cancelled."""


class _Cancelled(Exception):
    """The work was cancelled; the segment stays as it is."""


def compress_sealed(database: Database, pause: Pause) -> int:
    """Compress all sealed and fully ingested segments; returns how many. Raises `OSError`, `StoreError`.

    An erasure waits until the current segment is done, because both change the same files.
    """
    done = database.layout.journal / DONE
    plain = [path for path in names(done) if not is_compressed(path)]
    ends = dict(database.rows(SEALED, [[path.name for path in plain]])) if plain else {}
    compressed = 0
    for path in plain:
        with database.sealed_segments:
            if not path.exists() or path.stat().st_size != ends.get(path.name):
                continue  # retention has deleted it, or it is not fully ingested
            if not compress(path, pause):
                break
        compressed += 1
    return compressed


def compress(path: Path, pause: Pause) -> bool:
    """Replace a segment's plain file by a compressed one; false if cancelled. Raises `OSError`.

    A kill leaves the plain file and perhaps a complete or partial compressed one, which `sweep` deletes.
    """
    target = path.with_name(path.name + COMPRESSED)
    try:
        with path.open("rb") as file, _atomic_replacement(target, like=path) as out:
            while piece := file.read(FRAME):
                begun = time.monotonic()
                out.write(_frame(piece))
                if pause(REST * (time.monotonic() - begun)):
                    raise _Cancelled
    except _Cancelled:
        return False
    path.unlink()
    sync_folder(path.parent)
    return True


def read_chunk(path: Path, position: int, *, limit: int = CHUNK_BYTES) -> Chunk:
    """`fairtrial.journal.reader.read_chunk` for plain and compressed segments."""
    if not is_compressed(path):
        return read_plain_chunk(path, position, limit=limit)
    with _decompressed(path) as read:
        left = position
        while left and (skipped := read(min(FRAME, left))):
            left -= len(skipped)
        return chunk_of(read, position, limit=limit)


def read_first_line(path: Path) -> bytes:
    """The first line of a plain or compressed segment, including its newline if it has one."""
    chunk = read_chunk(path, 0, limit=FRAME)
    return (chunk.lines or chunk.tail).partition(b"\n")[0] + (b"\n" if chunk.lines else b"")


def blank_compressed_lines(path: Path, unwanted: Callable[[bytes], bool], *, end: int) -> int:
    """Replace each unwanted line that begins before ``end`` by blanks of the same length; returns their number.

    The file is rewritten only if there are any, and keeps its modification time. Raises `OSError`.
    """

    def goes(position: int, line: bytes) -> bool:
        return position < end and bool(line.strip()) and unwanted(line)

    if not any(goes(position, line) for position, line in _lines(path)):
        return 0
    blanked = 0
    with _atomic_replacement(path, like=path) as out:
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
    """Delete files of a killed owner: unfinished ones, and one of two files of a segment. Raises `OSError`.

    A complete plain file is kept, because an older program, which ignores compressed files, may have erased lines in
    it.
    """
    for path in folder.glob(f"{HIDDEN}*"):
        path.unlink()
    for path in files(folder):
        plain = path.with_name(segment_name(path))
        if plain != path and plain.exists() and path.is_file():
            (path if plain.stat().st_size >= _length(path) else plain).unlink()


def _frame(piece: bytes) -> bytes:
    import pyarrow  # slow to load, and most passes over the journal compress nothing

    compressed: bytes = pyarrow.Codec("zstd", compression_level=LEVEL).compress(piece, asbytes=True)
    return compressed


@contextmanager
def _decompressed(path: Path) -> Iterator[Callable[[int], bytes]]:
    """Reads uncompressed bytes, fewer than requested only at the end; raises `OSError` if the file is truncated."""
    import pyarrow

    with open_named(path) as file, pyarrow.CompressedInputStream(file, "zstd") as stream:
        yield stream.read


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a compressed segment and their positions. Each has its newline, except perhaps the last."""
    position = 0
    with _decompressed(path) as read:
        rest = b""
        while piece := read(FRAME):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield position, line + b"\n"
                position += len(line) + 1
        if rest:
            yield position, rest


def _length(path: Path) -> int:
    """The number of uncompressed bytes."""
    with _decompressed(path) as read:
        return sum(len(piece) for piece in iter(lambda: read(FRAME), b""))


@contextmanager
def _atomic_replacement(target: Path, *, like: Path) -> Iterator[BinaryIO]:
    """A file that replaces the target at the end, synced. On any error the target is unchanged.

    A compressed segment is never changed in place. The new file is written under a hidden name, synced, and renamed, so
    that a killed owner leaves the old file or the new one. Offsets count uncompressed bytes.
    """
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

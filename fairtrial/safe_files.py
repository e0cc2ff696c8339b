"""Reads regular files and Parquet rows within limits of size, and writes private files completely or not at all."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.constants import PRIVATE

MIB = 1 << 20
MOST_NAMED_BYTES = 1024 * MIB
"""The largest data file that a person may name: it is read as a whole."""

PIECE = 4 * 2**20
ROOM = 1.1
"""Extra space, because a copy may be slightly larger than its source."""

PARQUET = ".parquet"
MOST_UNPACKED = 1 << 30
"""Bytes of a Parquet file once its columns are unpacked."""


class FileRefused(ValueError):
    """A file that is not read: what is wrong (the end of a sentence about the file), what is allowed, and the line."""

    def __init__(self, wrong: str, known: str = "", line: int = 1) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.known = known
        self.line = line


def open_regular(path: str | Path, *, flags: int = 0, folder: int | None = None) -> int:
    """The descriptor of a regular file, for reading; raises `FileRefused`, and `OSError` as `os.open` does.

    ``folder``: the descriptor from which a relative path leads. Links are followed unless ``flags`` has `O_NOFOLLOW`.
    """
    # Checked before it is opened, because opening a device can already have an effect, and again in case it was
    # replaced in the meantime. Without O_NONBLOCK, opening a pipe waits for its writer.
    _refuse_irregular(os.stat(path, dir_fd=folder, follow_symlinks=not flags & os.O_NOFOLLOW))
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags, dir_fd=folder)
    try:
        _refuse_irregular(os.fstat(opened))
    except FileRefused:
        os.close(opened)
        raise
    return opened


def refuse_larger(opened: int, most: int, known: str = "") -> None:
    """Raises `FileRefused` for a file of more than ``most`` bytes; ``known`` replaces the limit in its message."""
    size = os.fstat(opened).st_size
    if size > most:
        raise FileRefused(f"has {size:,} bytes", known or f"at most {most:,}")


def read_bounded(opened: int, most: int, known: str = "") -> bytes:
    """The whole content, also of a file whose stated size is wrong; raises `FileRefused` beyond ``most`` bytes."""
    refuse_larger(opened, most, known)
    parts, left = [], most + 1
    while left > 0 and (part := os.read(opened, min(left, MIB))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise FileRefused("has too many bytes", known or f"at most {most:,}")
    return b"".join(parts)


@contextmanager
def open_named(path: Path) -> Iterator[BufferedReader]:
    """A regular file that a person names, wherever it is; raises `UsageError`, and `OSError` as `open` does."""
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            yield file
    except FileRefused as error:
        known = f" ({error.known})" if error.known else ""
        raise UsageError(f"{path}: {error.wrong}{known}") from error


def read_named(path: Path, *, most: int = MOST_NAMED_BYTES) -> bytes:
    """The content of such a file; raises `UsageError` beyond ``most`` bytes."""
    with open_named(path) as file:
        return read_bounded(file.fileno(), most)


def _refuse_irregular(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise FileRefused("can't be read: its links form a cycle")
    if stat.S_ISDIR(status.st_mode):
        raise FileRefused("can't be read: it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise FileRefused("can't be read: it is not a regular file", "no devices, pipes or sockets")


def digest_of(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """The SHA-256 of a regular file in hex; raises `OSError` and `UsageError`."""
    digest = hashlib.sha256()
    with open_named(path) as file:
        while piece := file.read(4 * MIB):
            digest.update(piece)
            on_bytes(file.tell())
    return digest.hexdigest()


def has_writer(path: Path) -> bool:
    """Whether a process holds the lock of a file, such as the writer of a journal, which may still append.

    Test this *before* reading: what is read after a True may be incomplete.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe is not waited for
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def write_private(path: Path, content: bytes) -> None:
    """`replace_file` with one that only its owner may read."""
    replace_file(path, content, mode=PRIVATE)


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Replace a file: readers see the complete old one or the complete new one; raises `OSError`."""
    replace_files({path: content}, mode=mode)


def replace_files(contents: Mapping[Path, bytes], *, mode: int) -> None:
    """Replace several files once all contents are on disk; raises `OSError`, and then replaces none.

    Of several, the old ones are removed first, so that a killed process never leaves an old file beside a new one.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
            staged.append((temporary, path))
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if len(staged) > 1:
            for path in contents:
                path.unlink(missing_ok=True)
        for temporary, path in staged:
            temporary.replace(path)
    except BaseException:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
        raise
    for folder in {path.parent for path in contents}:
        sync_folder(folder)


def copy_private(source: Path, target: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """Copy a file to a new one and sync it; returns the SHA-256 in hex; raises `OSError`."""
    digest = hashlib.sha256()
    fd = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
    with source.open("rb") as file, os.fdopen(fd, "wb") as out:
        while piece := file.read(PIECE):
            digest.update(piece)
            out.write(piece)
            on_bytes(out.tell())
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def sync_file(path: Path) -> None:
    """Wait until the file is on disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries are on disk, because a rename must survive a power failure."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sweep_folder(folder: Path) -> None:
    """Create the folder, or delete the files of a killed program in it. For the owner of the store only."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def has_room(folder: Path, bytes_: int) -> bool:
    """Whether a copy of this many bytes fits."""
    return shutil.disk_usage(folder).free > bytes_ * ROOM


def parquet_as_lines(content: bytes, most_rows: int = sys.maxsize) -> str:
    """All rows; beyond ``most_rows``, the rest may be missing. Raises `FileRefused`.

    Null and NaN are left out, because Parquet has no other sign for a missing field. Dates are texts.
    """
    import pyarrow  # slow to load, and most files are not Parquet
    from pyarrow import parquet

    lines: list[str] = []
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(content))
        groups = (file.metadata.row_group(at) for at in range(file.metadata.num_row_groups))
        if sum(group.total_byte_size for group in groups) > MOST_UNPACKED:
            raise FileRefused(f"has more than {MOST_UNPACKED:,} bytes of rows")
        for batch in file.iter_batches(batch_size=1000):
            lines += [json.dumps(_known(row), ensure_ascii=False, default=str) for row in batch.to_pylist()]
            if len(lines) > most_rows:
                break
    except (pyarrow.ArrowException, OSError, UnicodeError) as error:
        raise FileRefused(f"is not a Parquet file: {error}") from error
    return "\n".join(lines)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(inner) for name, inner in value.items() if inner is not None and inner == inner}
    return [_known(inner) for inner in value] if isinstance(value, list) else value

"""Reads the files that a project names: only regular files inside its folder, up to a limit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT_FILE = "fairtrial.yaml"
MIB = 1 << 20
MOST_YAML_BYTES = MIB // 4
MOST_PROMPT_BYTES = MIB // 4
MOST_BYTES = 64 * MIB
MOST_VALUES = 40_000
WHERE = f"the project's folder is the one with the nearest {PROJECT_FILE}, else the file's own"
READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER = os.O_DIRECTORY | getattr(os, "O_PATH", 0)
"""`O_PATH` does not need the permission to list a folder. Where it does not exist, that permission is needed."""


class FileRefused(ValueError):
    """A file that is not read: what is wrong (the end of a sentence about the file), what is allowed, and the line."""

    def __init__(self, wrong: str, known: str = "", line: int = 1) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.known = known
        self.line = line


@dataclass(slots=True)
class Budget:
    """What one command may read in total: bytes of all files, and values of all YAML files."""

    bytes_left: int = MOST_BYTES
    values_left: int = MOST_VALUES


def project_root(path: Path) -> Path:
    """The folder to which a file's paths are confined: that of the nearest `fairtrial.yaml`, or the file's own."""
    folder = path.absolute().parent
    return next((one for one in (folder, *folder.parents) if (one / PROJECT_FILE).is_file()), folder)


def read_text(path: Path, root: Path, *, most: int, budget: Budget | None = None) -> str:
    """The text of a regular file inside ``root``, at most ``most`` bytes of UTF-8; raises `FileRefused`.

    Links are followed as long as they stay inside. The file that is read is the file that was checked: each step is
    opened from the folder before it, and no step may be a link by then.
    """
    with open_file(path, root) as opened:
        content = _read(opened, most, budget or Budget())
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FileRefused("is not UTF-8 text", line=line) from error


@contextmanager
def open_file(path: Path, root: Path) -> Iterator[int]:
    """The descriptor of a regular file inside ``root``, found as `read_text` finds it.

    Raises `FileRefused`, also for an error while it is read.
    """
    with ExitStack() as undo:
        try:
            yield _open_inside(path, root, undo)
        except OSError as error:
            raise FileRefused(f"can't be read: {error.strerror}") from error


def _open_inside(path: Path, root: Path, undo: ExitStack) -> int:
    try:
        top, found = os.path.realpath(root), os.path.realpath(path)
        steps = Path(found).relative_to(top).parts
    except ValueError as error:  # a path outside, or one that no file can have
        raise FileRefused("is outside the project's folder", WHERE) from error
    folder = _opened(top, FOLDER, None, undo)
    for step in steps[:-1]:
        folder = _opened(step, FOLDER, folder, undo)
    name = steps[-1] if steps else "."
    # Checked before it is opened, because opening a device can already have an effect.
    _refuse_irregular(os.stat(name, dir_fd=folder, follow_symlinks=False))
    opened = _opened(name, os.O_NONBLOCK, folder, undo)
    _refuse_irregular(os.fstat(opened))
    return opened


def _opened(name: str, flags: int, folder: int | None, undo: ExitStack) -> int:
    opened = os.open(name, READING | flags, dir_fd=folder)
    undo.callback(os.close, opened)
    return opened


def _refuse_irregular(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise FileRefused("can't be read: its links form a cycle")
    if stat.S_ISDIR(found.st_mode):
        raise FileRefused("can't be read: it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise FileRefused("can't be read: it is not a regular file", "no devices, pipes or sockets")


def _read(opened: int, most: int, budget: Budget) -> bytes:
    size = os.fstat(opened).st_size
    if size > most:
        raise FileRefused(f"has {size:,} bytes", f"at most {most:,}")
    parts, left = [], min(most, budget.bytes_left) + 1
    while left > 0 and (part := os.read(opened, min(left, MIB))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        in_all = most > budget.bytes_left
        known = f"at most {MOST_BYTES:,} for all files together" if in_all else f"at most {most:,}"
        raise FileRefused("has too many bytes", known)
    content = b"".join(parts)
    budget.bytes_left -= len(content)
    return content

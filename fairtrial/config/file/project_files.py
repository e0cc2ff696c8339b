"""Reads the files that a project names: only regular files inside its folder, up to a limit."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairtrial.safe_files import MIB, FileRefused, open_regular, read_bounded

PROJECT_FILE = "fairtrial.yaml"
MOST_YAML_BYTES = MIB // 4
MOST_PROMPT_BYTES = MIB // 4
MOST_BYTES = 64 * MIB
MOST_VALUES = 40_000
WHERE = f"the project's folder is the one with the nearest {PROJECT_FILE}, else the file's own"
FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY | getattr(os, "O_PATH", 0)
"""`O_PATH` does not need the permission to list a folder. Where it does not exist, that permission is needed."""


STORE = ("plan.json", "journal", "owner.lock")
"""What the folder of a store has."""


@dataclass(slots=True)
class Budget:
    """What one command may read in total: bytes of all files, and values of all YAML files."""

    bytes_left: int = MOST_BYTES
    values_left: int = MOST_VALUES


def project_root(path: Path) -> Path:
    """The folder to which a file's paths are confined: that of the nearest `fairtrial.yaml`, or the file's own."""
    folder = path.absolute().parent
    return next((parent for parent in (folder, *folder.parents) if (parent / PROJECT_FILE).is_file()), folder)


def refuse_private(path: Path, root: Path, *, beside: Path | None = None) -> None:
    """Raise `FileRefused` for what is never data: hidden files such as ``.env``, and the files of a store.

    ``beside``: the file that names it. A suite drawn from traffic has its rows beside it, in the store's folder.
    """
    real = Path(os.path.realpath(path))
    steps = real.parts[len(Path(os.path.realpath(root)).parts) :]
    if any(step.startswith(".") for step in steps):
        raise FileRefused("has a hidden name, so it is never data")
    if beside is not None and Path(os.path.realpath(beside)).parent == real.parent:
        return
    if any(parent.suffix == ".d" and any((parent / name).exists() for name in STORE) for parent in real.parents):
        raise FileRefused("belongs to a store, so it is never data")


def read_text(path: Path, root: Path, *, most: int, budget: Budget | None = None) -> str:
    """The text of a regular file inside ``root``, at most ``most`` bytes of UTF-8; raises `FileRefused`."""
    content = read_bytes(path, root, most=most, budget=budget)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FileRefused("is not UTF-8 text", line=line) from error


def read_bytes(path: Path, root: Path, *, most: int, budget: Budget | None = None) -> bytes:
    """The content of a regular file inside ``root``, at most ``most`` bytes; raises `FileRefused`.

    Links are followed as long as they stay inside. The file that is read is the file that was checked: each step is
    opened from the folder before it, and no step may be a link by then.
    """
    with open_file(path, root) as opened:
        return _read(opened, most, budget or Budget())


@contextmanager
def open_file(path: Path, root: Path) -> Iterator[int]:
    """The descriptor of a regular file inside ``root``, found as `read_bytes` finds it.

    Raises `FileRefused`, also for an error while it is read.
    """
    with ExitStack() as undo:
        try:
            yield _open_inside(path, root, undo)
        except OSError as error:
            raise FileRefused(f"can't be read: {error.strerror}") from error


def _open_inside(path: Path, root: Path, undo: ExitStack) -> int:
    try:
        top, real = os.path.realpath(root), os.path.realpath(path)
        steps = Path(real).relative_to(top).parts
    except ValueError as error:  # a path outside, or one that no file can have
        raise FileRefused("is outside the project's folder", WHERE) from error
    folder = _opened(top, None, undo)
    for step in steps[:-1]:
        folder = _opened(step, folder, undo)
    opened = open_regular(steps[-1] if steps else ".", flags=os.O_NOFOLLOW, folder=folder)
    undo.callback(os.close, opened)
    return opened


def _opened(name: str, folder: int | None, undo: ExitStack) -> int:
    opened = os.open(name, FOLDER, dir_fd=folder)
    undo.callback(os.close, opened)
    return opened


def _read(opened: int, most: int, budget: Budget) -> bytes:
    known = f"at most {MOST_BYTES:,} for all files together" if most > budget.bytes_left else ""
    content = read_bounded(opened, min(most, budget.bytes_left), known)
    budget.bytes_left -= len(content)
    return content

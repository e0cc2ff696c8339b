"""Keeps the answer cache from growing for ever: old answers go, and the oldest files once all are too large."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LARGEST_BYTES = 1 << 30
PRIVATE = 0o600


def prune_answers(folder: Path, *, before_us: int, largest: int = LARGEST_BYTES, dry_run: bool = False) -> int:
    """Drop answers given before that time, then whole files until the folder has at most ``largest`` bytes.

    Returns how many answers went (or would). A file that a run has open is left for the next time.
    """
    dropped = 0
    for path in sorted(folder.glob("answers-*.jsonl")):
        with _alone(path) as mine:
            if mine:
                dropped += _prune(path, before_us, dry_run=dry_run)
    return dropped + _drop_oldest(folder, largest, dry_run=dry_run)


def _prune(path: Path, before_us: int, *, dry_run: bool) -> int:
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if not line.isspace()]
    kept = [line for line in lines if not _is_old(line, before_us)]
    if dry_run or len(kept) == len(lines):
        return len(lines) - len(kept)
    if any(b'"answer"' in line for line in kept):
        _replace(path, b"".join(kept))
    else:
        path.unlink()
    return len(lines) - len(kept)


def _is_old(line: bytes, before_us: int) -> bool:
    try:
        entry = json.loads(line)
        return "answer" in entry and int(entry["at_us"]) < before_us
    except (ValueError, KeyError, TypeError):
        return True  # torn, or of another version: nobody reads it


def _drop_oldest(folder: Path, largest: int, *, dry_run: bool) -> int:
    files = sorted(folder.glob("answers-*.jsonl"), key=lambda path: path.stat().st_mtime)
    total, dropped = sum(path.stat().st_size for path in files), 0
    for path in files:
        if total <= largest:
            break
        with _alone(path) as mine:
            if mine:
                total -= path.stat().st_size
                dropped += path.read_bytes().count(b"\n")
                if not dry_run:
                    path.unlink()
    return dropped


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether no run has it open; none may open it meanwhile."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(fd)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
    temporary.replace(path)

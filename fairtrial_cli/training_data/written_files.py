"""Writes the results of the `fairtrial data` commands: never over another file without permission, and completely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fairtrial.domain.errors import UsageError
from fairtrial.safe_files import write_private


def beside(source: Path, ending: str) -> Path:
    """The path for a result: ``tickets.csv`` gives ``tickets.train.jsonl`` for the ending ``train.jsonl``."""
    return source.with_name(f"{source.name.removesuffix(source.suffix)}.{ending}")


def refuse_existing(paths: Iterable[Path], *, sources: Iterable[Path], force: bool) -> None:
    """Raise `UsageError` if two results have one path, if one is a source, or if one exists and ``force`` is false."""
    named = [path.resolve() for path in paths]
    read = {path.resolve() for path in sources}
    for at, path in enumerate(named):
        if path in read:
            raise UsageError(f"{path}: this file is read, so it can't be written (name another file)")
        if path in named[:at]:
            raise UsageError(f"{path}: two results have this name (name another file)")
        if path.is_dir():
            raise UsageError(f"{path}: is a folder (name a file)")
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}")
        if path.exists() and not force:
            raise UsageError(f"{path}: the file exists (--force replaces it, or name another file)")


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files, each completely or not at all; if one fails, new files of this call are removed again."""
    written: list[Path] = []
    try:
        for path, content in contents.items():
            is_new = not path.exists()
            write_private(path, content)
            written += [path] if is_new else []
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise UsageError(f"{path}: can't be written: {error.strerror}") from error

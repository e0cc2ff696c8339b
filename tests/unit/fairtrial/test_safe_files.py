"""Every file that a person may name is a regular one within a limit; nothing else is read or waited for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.training_data.example import Example
from evaluators.training_data.example_file import ExampleFile, read_examples, row_texts
from evaluators.training_data.read_log import read_log
from fairtrial.domain.errors import UsageError
from fairtrial.named_files import MOST_NAMED_BYTES, digest_of, read_named
from fairtrial.store.core.recovery import MANIFEST, read_manifest
from gateway.control.verdicts.export_check import read_bytes
from gateway.models.catalogue import catalogue
from tests.fixtures.for_each import for_each

READERS: dict[str, Callable[[Path], object]] = {
    "training data": read_examples,
    "training data that is copied": lambda path: row_texts(ExampleFile(path, "", "chat", (Example(1, ()),))),
    "a training log": read_log,
    "an exported verdict": read_bytes,
    "a model": lambda path: catalogue("base", path, {}, runtime="r"),
    "the manifest of a backup": lambda path: read_manifest(path.rename(path.with_name(MANIFEST)).parent),
    "the store of a backup": digest_of,
}
PIECEWISE = ("the store of a backup", "a model")
"""They are read piece by piece, so that their size has no limit here."""


@for_each("reader", READERS)
def test_a_link_to_a_device_and_a_pipe_are_refused(tmp_path: Path, reader: str) -> None:
    folder = tmp_path / reader
    folder.mkdir()
    (folder / "train.jsonl").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.jsonl")
    for name in ("train.jsonl", "pipe.jsonl"):
        with pytest.raises(UsageError, match="it is not a regular file \\(no devices, pipes or sockets\\)"):
            READERS[reader](folder / name)


@for_each("reader", [name for name in READERS if name not in PIECEWISE])
def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "train.jsonl"
    with path.open("wb") as file:
        file.truncate(MOST_NAMED_BYTES + 1)
    with pytest.raises(UsageError, match="has 1,073,741,825 bytes \\(at most "):
        READERS[reader](path)


def test_a_link_to_a_regular_file_is_read_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "rows.jsonl").write_bytes(b'{"prompt": "p", "completion": "c"}\n')
    (tmp_path / "train.jsonl").symlink_to("elsewhere/rows.jsonl")
    assert len(read_examples(tmp_path / "train.jsonl").examples) == 1
    assert read_named(tmp_path / "train.jsonl") == (tmp_path / "elsewhere" / "rows.jsonl").read_bytes()


def test_a_refused_file_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that takes the place of the checked file is found out by its descriptor, without waiting."""
    (tmp_path / "rows").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    checked = os.stat
    before = sorted(Path("/proc/self/fd").iterdir())

    def swapped(path: str | Path, **how: object) -> os.stat_result:
        result = checked(path, **how)  # type: ignore[arg-type]
        if path == tmp_path / "rows":
            (tmp_path / "pipe").replace(tmp_path / "rows")
        return result

    monkeypatch.setattr(os, "stat", swapped)
    with pytest.raises(UsageError, match="it is not a regular file"):
        read_named(tmp_path / "rows")
    assert sorted(Path("/proc/self/fd").iterdir()) == before

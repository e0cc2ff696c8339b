"""Unwanted lines of a file become blanks, and nothing else moves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fairtrial.store.erasure import files
from fairtrial.store.erasure.files import blank_lines, or_begun


def bad(line: bytes) -> bool:
    return b"bad" in line


@pytest.mark.parametrize("piece", [1, 3, 16, 2**20])
def test_unwanted_lines_become_blanks_of_the_same_length(
    tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIECE", piece)
    file = tmp_path / "s.jsonl"
    file.write_bytes(b"header\nsome bad line\n\ngood\nbad\nbad tail")
    assert blank_lines(file, bad) == 3
    assert file.read_bytes() == b"header\n" + b" " * 13 + b"\n\ngood\n   \n        "
    assert blank_lines(file, bad) == 0


def test_a_line_that_was_half_overwritten_is_finished(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_bytes(b"good\n    half of something\ngood\n")
    assert blank_lines(file, bad) == 0  # a log may indent its lines
    assert blank_lines(file, or_begun(bad)) == 1
    assert file.read_bytes() == b"good\n" + b" " * 21 + b"\ngood\n"


def test_when_the_file_was_last_written_to_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_bytes(b"bad\n")
    os.utime(file, (1_000_000, 1_000_000))
    assert blank_lines(file, bad) == 1
    assert file.stat().st_mtime == 1_000_000


def test_lines_beyond_the_end_that_is_given_are_not_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_bytes(b"bad 1\nbad 2\n")
    assert blank_lines(file, bad, end=6) == 1
    assert file.read_bytes() == b"     \nbad 2\n"

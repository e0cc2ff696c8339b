"""Renames of fields on a small tree: what a page notices, what it reads by a key, and what nobody reads."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from scripts.renamed_fields import main

ANSWERS = """
from msgspec import Struct


class Part(Struct):
    size: int


class Answer(Struct):
    name: str
    part: Part
    hidden: int
    unread: int
"""
PAGE = """
from typing import Any

from answers_of_shop import Answer


def draw(answer: Answer, row: dict[str, Any]) -> str:
    return f"{answer.name} {answer.part.size} {row['hidden']}"
"""


def test_a_field_that_a_page_reads_by_a_key_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "page.py").write_text(PAGE)
    (tmp_path / "answers_of_shop.py").write_text(ANSWERS)
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\nfiles = dashboard/page.py, answers_of_shop.py\n")
    monkeypatch.syspath_prepend(tmp_path)
    answer = importlib.import_module("answers_of_shop").Answer
    with pytest.raises(SystemExit) as ended:
        main(["--all", "--count", "0"], root=tmp_path, answers=[list[answer]])
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert "Answer.hidden: passes mypy (the same key: dashboard/page.py:8)" in printed
    assert "Answer.unread: passes mypy\n" in printed
    assert "3 renames fail at a reader; 1 others may be read by a key" in printed

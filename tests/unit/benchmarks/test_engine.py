"""The comparison of evaluations: its ratios, and peers that can't be installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine import compared, table
from benchmarks.engine_work.programs import OURS, peers


def test_a_ratio_is_the_cost_of_a_program_over_that_of_fairtrial() -> None:
    rows = compared({OURS: [2.0, 1.0, 4.0], "other": [6.0, 3.0, 12.0]})

    ours, other = rows
    assert ours["ratio"] == 1.0
    assert (other["median"], other["least"], other["most"], other["runs"]) == (6.0, 3.0, 12.0, 3)
    assert other["ratio"] == pytest.approx(3.0)
    assert other["bounds"] == pytest.approx((3.0, 3.0))
    assert table(rows).splitlines()[2].split() == ["other", "6.00", "3.00", "12.00", "3.00", "3.00", "3.00"]


def test_a_peer_that_cannot_be_installed_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache").write_text("no folder")

    assert list(peers(tmp_path / "cache", 0)) == []

    lines = capsys.readouterr().err
    assert "promptfoo can't be installed" in lines
    assert "Inspect AI can't be installed" in lines

"""Each filter of the request explorer is asked on a store that the benchmark makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.explorer import make, measure


def test_each_filter_finds_what_the_store_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path, 2_000)
    measure(tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if " rows" in line]
    rows = {line[:36].strip(): int(line.split(" s ")[1].split()[0]) for line in lines}
    assert rows["no filter"] == 50 and min(rows["tag"], rows["key"], rows["user"]) > 0
    assert rows["provider's id of the oldest"] == rows["outcome partial, one in a million"] == 1
    assert rows["an unknown tag"] == rows["an unknown key"] == rows["a cost that nothing has"] == 0

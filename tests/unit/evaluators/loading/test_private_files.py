"""Hidden files and those of a store are never data of a suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.loading.suite_reader import load
from fairtrial.domain.errors import ConfigError

SUITE = "suite: s\ndata: {}\nscore: [exact]\ngate: [exact >= 0.5]\n"
ROW = '{"input": "Is it red?", "expected": "yes"}\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fairtrial.yaml").write_text("version: 1\n")
    for name in (".hidden.jsonl", ".git/rows.jsonl", "a.duckdb.d/journal/w.jsonl", "a.duckdb.d/suites/t.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(ROW)
    (tmp_path / "link.jsonl").symlink_to("a.duckdb.d/journal/w.jsonl")
    return tmp_path


def test_a_suite_that_names_them_is_refused(project: Path) -> None:
    for name in (".hidden.jsonl", ".git/rows.jsonl", "a.duckdb.d/journal/w.jsonl", "link.jsonl"):
        (project / "s.yaml").write_text(SUITE.format(name))
        with pytest.raises(ConfigError, match="never data"):
            load(project / "s.yaml")


def test_a_suite_that_was_drawn_from_traffic_reads_the_rows_beside_it(project: Path) -> None:
    drawn = project / "a.duckdb.d" / "suites" / "t.yaml"
    drawn.write_text(SUITE.format("t.jsonl"))
    assert len(load(drawn)[0].cases) == 1
    drawn.write_text(SUITE.format("../journal/w.jsonl"))
    with pytest.raises(ConfigError, match="never data"):
        load(drawn)

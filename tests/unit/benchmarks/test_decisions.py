"""The trials of decisions, in their short form, and the committed list of the rows that have a limit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.experiment_trials.promise import Row, counts
from benchmarks.trials import bench
from benchmarks.trials.page import count_results, counted_rows
from benchmarks.trials.stored_rows import read_rows
from tests.fixtures.paths import ROOT

LISTED = ROOT / "benchmarks" / "limited_rows.txt"
"""One line for each row with a limit: its program, trial, name and limit, and whether it is known to be missed."""
PAGES = {"validity": "benchmarks.trials.all_trials", "gate_validity": "benchmarks.gate_trials.all_trials"}


def run(program: str, *arguments: str, found: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "benchmarks" / program, "--json", found, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def line(program: str, trial: str, name: str, low: float | None, high: float | None, missed: bool) -> str:
    limit = " ".join(f"{sign} {end:.4g}" for sign, end in ((">=", low), ("<=", high)) if end is not None)
    return " | ".join((program, trial, name, limit, *(["missed"] if missed else [])))


def rows_of(program: str, found: Path, trial: str) -> list[str]:
    rows = json.loads(found.read_text())["rows"]
    return [
        line(program, row[trial], row["what"], row["least"], row["most"], row["known_miss"])
        for row in rows
        if row["least"] is not None or row["most"] is not None
    ]


def require_listed(program: str, rows: Sequence[str], folder: Path) -> None:
    """Fail if a row has lost its limit, or has one that is not listed, and offer the renewed list."""
    every = LISTED.read_text().splitlines()
    listed = [each for each in every if each.startswith(f"{program} | ")]
    lost, new = sorted(set(listed) - set(rows)), sorted(set(rows) - set(listed))
    if lost or new:
        renewed = folder / LISTED.name
        renewed.write_text("\n".join(sorted({*every, *rows} - set(lost))) + "\n")
        differing = "\n".join([*(f"lost: {each}" for each in lost), *(f"new: {each}" for each in new)])
        pytest.fail(f"{differing}\na promise that is missed keeps its limit; for others: cp {renewed} {LISTED}")


@pytest.mark.release("simulations")
@pytest.mark.timeout(600)
def test_decisions_keep_their_promises(tmp_path: Path) -> None:
    done = run("decisions.py", "--short", found=tmp_path / "found.json")
    assert "\n".join(row for row in done.stdout.splitlines() if row.endswith("BROKEN")) == ""
    assert done.returncode == 0, done.stdout + done.stderr
    require_listed("decisions", rows_of("decisions", tmp_path / "found.json", "trial"), tmp_path)


@pytest.mark.release("simulations")
@pytest.mark.timeout(600)
def test_no_row_of_experiments_has_lost_its_limit(tmp_path: Path) -> None:
    run("experiments.py", "--trials", "2", found=tmp_path / "found.json")
    require_listed("experiments", rows_of("experiments", tmp_path / "found.json", "promise"), tmp_path)


@pytest.mark.parametrize("program", PAGES)
def test_no_row_of_a_page_has_lost_its_limit(program: str, tmp_path: Path) -> None:
    trials = bench.trials_of(PAGES[program]).values()
    rows = [
        line(program, trial.name, target.rule, target.at_least, target.at_most, target.known_miss)
        for trial in trials
        for target in trial.targets
        if target.limited
    ]
    require_listed(program, rows, tmp_path)


@pytest.mark.parametrize("program", PAGES)
def test_a_page_has_every_row_with_a_limit_and_counts_the_missed_ones(program: str) -> None:
    page = (ROOT / "docs" / f"{program}.md").read_text().split("<!-- Made by")[1]
    listed = [each for each in LISTED.read_text().splitlines() if each.startswith(f"{program} | ")]
    stored = read_rows(ROOT / "docs" / f"{program}.csv")
    assert (count_results(row.result for row in stored) if stored else counted_rows([page])) in page
    assert f"{len(listed):,} with targets" in page
    assert page.count("| **missed** |") == sum(each.endswith("| missed") for each in listed)


def test_a_known_miss_is_shown_as_missed_and_any_other_as_broken() -> None:
    known, unknown = (Row("ships", 0.43, 0.01, most=0.1, known_miss=known) for known in (True, False))
    kept, plain = Row("ships", 0.05, 0.01, most=0.1), Row("ships", 0.43, 0.01)
    endings = [row.line.rpartition(" | ")[2] for row in (known, unknown, kept, plain)]
    assert endings == ["missed", "BROKEN", "ok", "–"]
    assert [row.broken for row in (known, unknown, kept, plain)] == [False, True, False, False]
    assert counts([known, unknown, kept, plain]) == "4 rows, 3 with limits, 2 missed"


def test_each_trial_of_decisions_has_a_name_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/decisions.py", "--list"], cwd=ROOT, capture_output=True, text=True
    )
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(names) == len(set(names)) > 15

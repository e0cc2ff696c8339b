"""A campaign on a small project: what is caught, what survives, and what is left behind."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from scripts.mutants.__main__ import main

PRICES = """
def total(price, count):
    return price * count


def discount(count):
    return count > 10
"""
CALLED_IN_A_PROCESS = """
import subprocess, sys

def test_a_total_multiplies(tmp_path):
    command = [sys.executable, "-c", "import shop.prices; print(shop.prices.total(3, 2))"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True)
    assert done.stdout.strip() == "6"
"""
BUSY = """
import os, subprocess, sys
import shop.prices

def test_a_process_that_never_ends():
    subprocess.run([sys.executable, "-c", "while True: pass"], start_new_session=True)
"""
FAILING = "import shop.prices\n\ndef test_what_fails_anyway():\n    assert shop.prices.total(1, 1) == 2\n"


@pytest.fixture(autouse=True)
def quick_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plugin is needed here, and loading all of them takes a second for each mutant."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def project(folder: Path, tests: dict[str, str]) -> Path:
    root = folder / "project"
    for name, text in {"shop/__init__.py": "", "shop/prices.py": PRICES, "pytest.ini": "[pytest]\n", **tests}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


def files_of(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def campaign(root: Path, *arguments: str) -> dict[str, list[str]]:
    """Runs every mutant of the project, and returns the mutated lines by status."""
    record = root.parent / "mutants.json"
    main(["--count", "9", "-j", "1", "--json", str(record), *arguments], root=root, packages=("shop",))
    statuses: dict[str, list[str]] = {}
    for mutant in json.loads(record.read_text())["mutants"]:
        statuses.setdefault(mutant["status"], []).append(mutant["mutated"])
    return {status: sorted(lines) for status, lines in statuses.items()}


TOTAL = ["return None", "return price / count"]
DISCOUNT = ["return None", "return count > 11", "return count >= 10"]


@pytest.mark.release("stories")
def test_a_mutant_is_caught_in_a_process_without_variables_and_the_rest_survive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project(tmp_path, {"tests/test_prices.py": CALLED_IN_A_PROCESS + "\nimport shop.prices\n"})
    before = files_of(root)
    assert campaign(root) == {"caught": TOTAL, "survived": DISCOUNT}
    assert files_of(root) == before
    printed = capsys.readouterr().out
    assert "2         5       40%" in printed
    assert "shop/prices.py:7  survived (comparison)\n  - return count > 10\n  + return count >= 10\n" in printed
    assert "1 test files: tests/test_prices.py" in printed


@pytest.mark.release("simulations")
def test_a_mutant_is_undecided_if_detached_processes_reach_the_cpu_limit(tmp_path: Path) -> None:
    root = project(tmp_path, {"tests/test_busy.py": BUSY})
    assert campaign(root, "--count", "1", "--cpu", "2").keys() == {"undecided"}
    assert not [path for path in Path("/proc").glob("[0-9]*/cwd") if _leads_into_a_copy(path)]


@pytest.mark.release("simulations")
def test_a_test_that_fails_without_a_mutation_catches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = {"tests/test_a.py": FAILING, "tests/test_b.py": FAILING.replace("2\n", "1\n")}
    assert campaign(project(tmp_path, tests)) == {
        "caught": ["return None"],
        "survived": sorted([*DISCOUNT, "return price / count"]),
    }
    assert "left out:\n  tests/test_a.py\n" in capsys.readouterr().out


def test_mutants_that_no_time_is_left_for_are_counted_apart(tmp_path: Path) -> None:
    root = project(tmp_path, {"tests/test_prices.py": CALLED_IN_A_PROCESS + "\nimport shop.prices\n"})
    assert campaign(root, "--minutes", "0") == {"not run": sorted([*TOTAL, *DISCOUNT])}


def _leads_into_a_copy(link: Path) -> bool:
    """Whether a process works in a copy of this campaign, deleted by now."""
    try:
        target = str(link.readlink())
    except OSError:  # it has ended, or belongs to somebody else
        return False
    return target.endswith("(deleted)") and "/m-" in target

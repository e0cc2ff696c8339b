"""What the processes of pytest keep together exists, and no real model runs beside another."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.paths import ROOT
from tests.xdist_groups import FOLDER_GROUPS, MODEL_FILES, ORDER, group_of, share_of, start_order

TESTS = ROOT / "tests"
MARK = "pytest.mark.models"


def test_what_is_kept_together_is_there() -> None:
    assert all((TESTS.parent / folder).is_dir() for folder in FOLDER_GROUPS)


def test_every_file_that_runs_real_models_is_kept_with_the_others() -> None:
    marked = {path.name for path in TESTS.rglob("test_*.py") if path != Path(__file__) and MARK in path.read_text()}
    assert marked == set(MODEL_FILES)


def test_groups_start_before_single_files_and_services_before_the_rest() -> None:
    files = [str(path.relative_to(ROOT)) for path in TESTS.rglob("test_*.py")]
    ranked = sorted(files, key=start_order)
    assert group_of(ranked[0]) == ORDER[0]
    assert "tests/unit/" in ranked[-1] or "tests/architecture/" in ranked[-1] or "tests/contract/" in ranked[-1]
    assert all(any(group_of(file).startswith(start) for file in files) for start in ORDER)


def test_the_processes_import_every_test_file_once() -> None:
    files = [Path(str(number)) for number in range(100)]
    assert [file for number in range(3) for file in share_of(files, f"gw{number}", 3)] == files

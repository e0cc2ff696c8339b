"""What two processes of pytest keep together is there, and no real model runs beside another."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.paths import ROOT
from tests.xdist_groups import FOLDERS, MODELS

TESTS = ROOT / "tests"
MARK = "pytest.mark.models"


def test_what_is_kept_together_is_there() -> None:
    assert all((TESTS.parent / folder).is_dir() for folder in FOLDERS)


def test_every_file_that_runs_real_models_is_kept_with_the_others() -> None:
    marked = {path.name for path in TESTS.rglob("test_*.py") if path != Path(__file__) and MARK in path.read_text()}
    assert marked == set(MODELS)

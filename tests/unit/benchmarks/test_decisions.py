"""The trials of decisions, in their short form."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fixtures.paths import ROOT


@pytest.mark.release("simulations")
@pytest.mark.timeout(600)
def test_decisions_keep_their_promises() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/decisions.py", "--short"], cwd=ROOT, capture_output=True, text=True
    )
    assert "\n".join(line for line in done.stdout.splitlines() if line.endswith("BROKEN")) == ""
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_trial_of_decisions_has_a_name_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/decisions.py", "--list"], cwd=ROOT, capture_output=True, text=True
    )
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(names) == len(set(names)) > 15

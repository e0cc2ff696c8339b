"""A bill through the real gateway equals that of a second program, which imports nothing of fairtrial."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fixtures.paths import ROOT


@pytest.mark.release("stories")
def test_a_bill_equals_that_of_the_second_program() -> None:
    command = [sys.executable, "benchmarks/bill.py", "--requests", "300"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "equal to the cent, and estimates within 5 %"
    assert "import fairtrial" not in (ROOT / "benchmarks/bill_work/second_program.py").read_text()

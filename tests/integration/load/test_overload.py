"""Twice the load that a gateway carries, in small: right or proper answers, each in the journal, and soon over."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.fixtures.paths import ROOT
from tests.fixtures.waiting import PATIENCE

SOON = 15.0
"""Seconds: much for a gateway, which needs a moment, and enough for a machine that is busy."""

OVERLOAD = ROOT / "benchmarks" / "overload.py"


def test_twice_the_load_gets_right_answers_or_proper_refusals_loses_no_record_and_is_soon_over() -> None:
    options = ["--seconds", "1", "--max-in-flight", "8", "--delay", "20", "--connections", "100", "--json"]
    ran = subprocess.run([sys.executable, str(OVERLOAD), *options], capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    found = json.loads(ran.stdout)
    assert found["wrong"] == []
    assert set(found["statuses"]) == {"200", "503"}
    assert found["recovered_after_seconds"] is not None and found["recovered_after_seconds"] < SOON
    assert (found["missing_in_journal"], found["twice_in_journal"]) == (0, 0)

"""Control and workers are killed while workers of the first release are replaced: nothing is lost or stored twice."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.fixtures.paths import ROOT

KILLS = 6
CRASH = ROOT / "benchmarks" / "crash.py"


@pytest.mark.release("kills")
def test_kills_during_an_upgrade_lose_no_acknowledged_request_and_store_none_twice() -> None:
    options = ["--kills", str(KILLS), "--mode", "upgrade", "--seed", "1", "--json"]
    ran = subprocess.run([sys.executable, str(CRASH), *options], capture_output=True, text=True, timeout=200)
    assert "Traceback" not in ran.stderr, ran.stderr
    found = json.loads(ran.stdout)
    assert found["faulty"] == {}
    assert ran.returncode == 0
    whole = found["all"]
    assert (whole["lost"], whole["twice"], whole["wrong"]) == (0, 0, 0)
    assert sum(whole["kills"].values()) == KILLS
    assert min(whole["kills"].values()) > 0
    assert whole["restarts"]["control"] == whole["kills"]["control"]
    assert whole["restarts"]["worker"] > 0
    assert whole["stored"] >= whole["acknowledged"] > 100
    assert whole["bound_per_kill"] == pytest.approx(1 - 0.05 ** (1 / KILLS))

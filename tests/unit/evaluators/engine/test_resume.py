"""A run that is interrupted or killed goes on where it stopped: only the answers in flight are asked again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fixtures.evaluators.small_suites import sums
from tests.fixtures.paths import ROOT
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, last

PROGRAM = "tests.fixtures.evaluators.interrupted_run"
CASES = 60
MORE = pytest.mark.release("kills")
CONCURRENCY = 4


def start(folder: Path, upstream: ScriptedUpstream, models: Sequence[str] = ("base",)) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", PROGRAM, str(folder), upstream.url, *models],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )


def wait_for(upstream: ScriptedUpstream, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(upstream.asked) < count:
        assert time.monotonic() < deadline, "the program asks nothing"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("how", "fingerprint"),
    [
        (signal.SIGINT, "weights-1"),
        (signal.SIGKILL, None),
        pytest.param(signal.SIGINT, None, marks=MORE),
        pytest.param(signal.SIGKILL, "weights-1", marks=MORE),
    ],
)
def test_a_broken_off_run_goes_on_where_it_stopped(
    tmp_path: Path, how: signal.Signals, fingerprint: str | None
) -> None:
    sums(tmp_path, CASES)
    reply = lambda body, before: str(int(last(body).split()[0]) + 1)  # noqa: E731
    with ScriptedUpstream(reply, delay=0.03, fingerprint=fingerprint) as upstream:
        program = start(tmp_path, upstream)
        wait_for(upstream, CASES // 2)
        program.send_signal(how)
        program.communicate(timeout=30)
        assert program.returncode != 0
        before = len(upstream.asked)
        assert before < CASES
        out, problems = start(tmp_path, upstream).communicate(timeout=60)
    cached, accuracy = out.split()
    assert accuracy == "1.0", problems
    assert len(upstream.asked) - CASES <= CONCURRENCY, "more was asked again than was in flight"
    assert int(cached) >= before - CONCURRENCY


@pytest.mark.parametrize("cases", [40, pytest.param(2000, marks=MORE)])
def test_three_models_that_are_killed_go_on_side_by_side_and_are_asked_nothing_twice(
    tmp_path: Path, cases: int
) -> None:
    models = ("base", "tuned", "other")
    sums(tmp_path, cases)
    reply = lambda body, before: str(int(last(body).split()[0]) + 1)  # noqa: E731
    with ScriptedUpstream(reply, delay=0.03) as upstream:
        program = start(tmp_path, upstream, models)
        wait_for(upstream, cases * len(models) // 2)
        program.send_signal(signal.SIGKILL)
        program.communicate(timeout=30)
        before = len(upstream.asked)
        assert before < cases * len(models)
        out, problems = start(tmp_path, upstream, models).communicate(timeout=300)
    assert out.split()[1:] == ["1.0"] * 3, problems
    times = Counter((body["model"], last(body)) for body in upstream.asked)
    assert len(times) == cases * len(models), "a case is missing"
    assert sum(times.values()) - len(times) <= CONCURRENCY * len(models), "more was asked again than was in flight"
    for part in (upstream.asked[:before], upstream.asked[before:]):
        started: Counter[str] = Counter()
        for body in part:
            started[body["model"]] += 1
            assert max(started.values()) - min(started[model] for model in models) <= 2 * CONCURRENCY

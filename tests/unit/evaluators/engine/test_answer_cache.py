"""The answer cache: interrupted runs resume from it, and old answers leave it without disturbing an open run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluators.engine.answer_cache import AnswerCache, AnswerKey, prune_answers
from fairtrial.domain.run import Answer
from tests.fixtures.evaluators.small_suites import sums
from tests.fixtures.paths import ROOT
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, last

DAY_US = 86_400_000_000


def fill(folder: Path, digest: str, *days: int) -> None:
    for day in days:
        cache = AnswerCache(folder, digest, scope="s", now_us=day * DAY_US)
        cache.put(AnswerKey(f"q{day}"), Answer(text="Paris", fingerprint="f"))
        cache.close()


def is_cached(folder: Path, digest: str, day: int) -> bool:
    cache = AnswerCache(folder, digest, scope="s", now_us=99 * DAY_US)
    try:
        return cache.find(AnswerKey(f"q{day}"), "f") is not None
    finally:
        cache.close()


def test_answers_older_than_the_days_go_and_others_stay(tmp_path: Path) -> None:
    fill(tmp_path, "a", 1, 2, 30)
    fill(tmp_path, "b", 1)
    assert prune_answers(tmp_path, before_us=20 * DAY_US, dry_run=True) == 3
    assert prune_answers(tmp_path, before_us=20 * DAY_US) == 3
    assert prune_answers(tmp_path, before_us=20 * DAY_US) == 0
    assert [is_cached(tmp_path, "a", day) for day in (1, 2, 30)] == [False, False, True]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_cache_that_a_run_has_open_is_left_for_the_next_time(tmp_path: Path) -> None:
    fill(tmp_path, "a", 1)
    running = AnswerCache(tmp_path, "a", scope="s", now_us=DAY_US)
    assert prune_answers(tmp_path, before_us=20 * DAY_US) == 0
    running.put(AnswerKey("q2"), Answer(text="Rome", fingerprint="f"))
    running.close()
    assert prune_answers(tmp_path, before_us=DAY_US) == 0
    assert [is_cached(tmp_path, "a", day) for day in (1, 2)] == [True, True]


def test_the_oldest_files_go_once_all_are_too_large(tmp_path: Path) -> None:
    import os

    for place, digest in enumerate("abc"):
        fill(tmp_path, digest, 1)
        (new,) = [path for path in tmp_path.iterdir() if path.stat().st_mtime > 100]
        os.utime(new, (place, place))
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert prune_answers(tmp_path, before_us=0, largest=size // 2) == 2
    assert [is_cached(tmp_path, digest, 1) for digest in "abc"] == [False, False, True]


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


@pytest.mark.release("stories")
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

"""Tests the jobs that maintain an open store."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from fairtrial.domain.errors import Conflict, UsageError
from fairtrial.domain.store_reports import Job, OnProgress
from gateway.control.maintain_store import REMEMBERED_JOBS, JobRunner
from tests.fixtures.waiting import PATIENCE


def test_the_result_of_a_job_outlives_the_jobs_that_follow_it() -> None:
    jobs = JobRunner()

    def refuse(_: OnProgress) -> None:
        raise UsageError("unit: needs a name")

    begun = jobs.start("an erasure", refuse)
    jobs.join()
    for number in range(REMEMBERED_JOBS - 1):
        jobs.start("the daily maintenance", lambda _: None, own=bool(number % 2))
        jobs.join()
    assert jobs.find(begun.job_id) == Job(
        begun.job_id, "an erasure", state="failed", error="unit: needs a name", blame="caller"
    )
    jobs.start("a backup", lambda _: None)
    assert jobs.find(begun.job_id) is None


def test_a_second_job_is_refused_while_one_runs() -> None:
    jobs, goes_on = JobRunner(), threading.Event()
    begun = jobs.start("a backup", lambda _: goes_on.wait())
    with pytest.raises(Conflict, match="an erasure: a backup is already running"):
        jobs.start("an erasure", lambda _: None)
    assert begun.state == "running" and jobs.find(begun.job_id) == begun
    goes_on.set()
    jobs.join()
    assert jobs.find(begun.job_id) == Job(begun.job_id, "a backup", state="done", result=True)


def test_a_caller_waits_for_a_job_of_control_that_is_about_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, created, goes_on, started = JobRunner(), threading.Event(), threading.Event(), threading.Thread.start

    def start_late(thread: threading.Thread) -> None:
        if thread.name == "maintenance":
            created.set()
            assert goes_on.wait(PATIENCE)
        started(thread)

    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(threading.Thread, "start", start_late)
        own = pool.submit(partial(jobs.start, "the daily maintenance", lambda _: None, own=True))
        assert created.wait(PATIENCE)
        asked = pool.submit(partial(jobs.start, "a backup", lambda _: None))
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.1)  # it must neither fail nor start
        goes_on.set()
        assert own.result(PATIENCE).name == "the daily maintenance"
        assert asked.result(PATIENCE).name == "a backup"
    jobs.join()

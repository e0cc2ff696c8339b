"""Tests the jobs that maintain an open store."""

import threading

import pytest

from fairtrial.domain.errors import Conflict, UsageError
from fairtrial.domain.store_reports import Job, OnProgress
from gateway.control.maintain_store import REMEMBERED_JOBS, JobRunner


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

"""A journal that can't be written stops no traffic, and is said: once in the log, at `/readyz`, and in `/metrics`."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fairtrial.journal.counts import read_assigned
from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running
from tests.fixtures.gateway.module_gateway import BOT, DIRECT, post
from tests.fixtures.gateway.samples import samples
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

LOSING, AGAIN = "recording is losing events", "recording works again"
ASKED = 30


def recording(rig: Rig) -> set[str]:
    """What several looks in a row find, on connections of their own: whichever worker is asked."""
    answers = [httpx.get(f"{rig.root}/readyz", verify=False) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}
    return {answer.json()["recording"] for answer in answers}


@contextmanager
def standard_error() -> Iterator[list[str]]:
    """What is written to it meanwhile, by way of a pipe: the limit below holds for the files of pytest too."""
    said: list[str] = []
    reading, writing = os.pipe()
    before = os.dup(2)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        yield said
    finally:
        os.dup2(before, 2)
        os.close(before)
        with os.fdopen(reading) as pipe:
            said.append(pipe.read())


def limit_files(pid: int, size: int) -> None:
    """What a worker writes beyond this size of a file is refused, as by a full disk."""
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))


def assigned(rig: Rig) -> int:
    """The requests that all workers counted for an arm."""
    return sum(sum(cells) for one in read_assigned(rig.layout.journal) for cells in one.arms.values())


@pytest.mark.release("kills")
def test_lost_records_are_one_line_and_an_alarm_and_traffic_goes_on(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, standard_error() as written, running(tmp_path, workers=2) as rig:
        rig.publish(plan_for(upstream.url))
        until(lambda: recording(rig) == {"ok"})
        for pid in rig.worker_pids():
            limit_files(pid, 0)
        assert {post(rig, BOT | {"user": f"u-{number}"}).status_code for number in range(ASKED)} == {200}
        until(lambda: recording(rig) == {"losing"})
        said = httpx.get(f"{rig.root}/metrics").text
        assert samples(said, "recording_losing")
        for pid in rig.worker_pids():
            limit_files(pid, resource.RLIM_INFINITY)
        until(lambda: recording(rig) == {"ok"})
        until(lambda: assigned(rig) == ASKED)
        before = len(rig.events("request"))
        assert before < ASKED
        assert post(rig, DIRECT).status_code == 200
        rig.await_events("request", before + 1)
    [error] = written
    assert 1 <= error.count(LOSING) <= 2  # one line of each worker that lost something
    assert error.count(AGAIN) == error.count(LOSING)
    assert "File too large" in error


@pytest.mark.release("kills")
def test_one_worker_that_loses_is_named_by_all(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, running(tmp_path, workers=2) as rig:
        rig.publish(plan_for(upstream.url))
        limit_files(rig.worker_pids()[0], 0)

        def is_named() -> bool:
            assert {post(rig, DIRECT).status_code for _ in range(8)} == {200}  # one of them goes to that worker
            return recording(rig) == {"losing"}

        until(is_named)


def test_a_journal_whose_folder_is_deleted_is_made_again(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, standard_error() as written, running(tmp_path) as rig:
        rig.publish(plan_for(upstream.url))
        assert post(rig, DIRECT).status_code == 200
        rig.await_events("request", 1)
        for segment in rig.layout.journal.iterdir():
            segment.unlink()
        rig.layout.journal.rmdir()
        until(lambda: any(rig.layout.journal.glob("*.jsonl")))
        assert post(rig, DIRECT).status_code == 200
        rig.await_events("request", 1)
    assert "a segment was removed while it was in use" in written[0]


def test_a_configuration_that_control_refused_is_named(tmp_path: Path) -> None:
    with FakeUpstream() as upstream, running(tmp_path) as rig:
        rig.publish(plan_for(upstream.url))
        rig.layout.plan_refused.write_text("fairtrial.yaml:3: something that only the operator may read")
        answer = httpx.get(f"{rig.root}/readyz")
        assert (answer.status_code, answer.json()["plan"]) == (200, "refused")
        assert "operator" not in answer.text
        rig.layout.plan_refused.unlink()
        assert httpx.get(f"{rig.root}/readyz").json()["plan"] == "in_force"

"""A kill file stops its experiment in a worker, whatever the plan beside it says or becomes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.plan.published import publish
from fairtrial.domain.plan import Published
from fairtrial.domain.settings import ExperimentState
from fairtrial.safe_files import write_private
from gateway.proxy.plan.plan_watch import FolderEvents, PlanWatch
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, plan_for

URL = "http://127.0.0.1:9"


@pytest.fixture(name="layout")
def layout_fixture(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "fairtrial.duckdb").make()


def published(state: ExperimentState = "running", **changes: object) -> Published:
    return Published(plan_for(URL, experiment={"state": state, **changes}), "open", (), "pepper")


def watch(layout: Layout) -> PlanWatch:
    return PlanWatch(layout.plan, environ={})


def state_in(watched: PlanWatch) -> str:
    watched.load_if_changed()
    return watched.current().plan.experiments[EXPERIMENT].state


def test_a_kill_file_stops_an_experiment_and_holds_for_a_worker_that_starts_later(layout: Layout) -> None:
    publish(layout.plan, published())
    first = watch(layout)
    assert state_in(first) == "running"
    kill_file(layout).touch()
    assert state_in(first) == state_in(watch(layout)) == "killed"
    assert first.current().plan.plan_hash == published().plan.plan_hash
    assert not first.load_if_changed()


def kill_file(layout: Layout, name: str = EXPERIMENT) -> Path:
    return layout.folder / f"kill.{name}@0a.json"


def test_a_kill_file_holds_for_later_plans_and_goes_on_when_it_is_removed(layout: Layout) -> None:
    publish(layout.plan, published())
    watched = watch(layout)
    kill_file(layout).touch()
    assert state_in(watched) == "killed"
    publish(layout.plan, published(stage=40.0))
    assert state_in(watched) == "killed"
    kill_file(layout).unlink()
    assert state_in(watched) == "killed"
    publish(layout.plan, published("killed"))
    assert state_in(watched) == "killed"
    publish(layout.plan, published(segment=2))
    assert state_in(watched) == "running"


def test_a_worker_that_refuses_the_plan_with_the_kill_stays_stopped_without_the_file(layout: Layout) -> None:
    publish(layout.plan, published())
    watched = watch(layout)
    kill_file(layout).touch()
    assert state_in(watched) == "killed"
    layout.plan.write_text("no plan")
    kill_file(layout).unlink()
    assert (state_in(watched), watched.refused) == ("killed", 1)


def test_a_broken_plan_does_not_delay_a_kill_file(layout: Layout) -> None:
    publish(layout.plan, published())
    watched = watch(layout)
    assert state_in(watched) == "running"
    layout.plan.write_text("no plan")
    kill_file(layout).touch()
    assert state_in(watched) == "killed"


def test_an_unknown_experiment_and_an_unreadable_folder_change_nothing(layout: Layout) -> None:
    publish(layout.plan, published())
    watched = watch(layout)
    kill_file(layout, "another").touch()
    assert state_in(watched) == "running"
    kill_file(layout).touch()
    assert state_in(watched) == "killed"
    layout.folder.rename(layout.folder.with_name("gone"))
    assert state_in(watched) == "killed"


@pytest.mark.parametrize("moment", ["_kills_now", "_stamp_now"])
def test_a_kill_that_is_recorded_between_two_looks_is_never_missed(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Control publishes the kill and removes the file just after the worker has looked at one of them."""
    publish(layout.plan, published())
    watched = watch(layout)
    assert state_in(watched) == "running"
    kill_file(layout).touch()
    look = getattr(PlanWatch, moment)

    def record(self: PlanWatch) -> Any:
        kills = look(self)
        publish(layout.plan, published("killed"))
        kill_file(layout).unlink(missing_ok=True)
        return kills

    monkeypatch.setattr(PlanWatch, moment, record)
    assert state_in(watched) == "killed"
    monkeypatch.undo()
    assert state_in(watched) == "killed"


HOUR = 3600.0
linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify is of Linux")


@linux
async def test_a_new_file_ends_the_wait_and_is_reported_once(tmp_path: Path) -> None:
    with FolderEvents(tmp_path) as events:
        for content in (b"one", b"two"):
            waiting = asyncio.create_task(events.wait(longest=HOUR, without_events=HOUR))
            await asyncio.sleep(0)
            write_private(tmp_path / "plan.json", content)
            await asyncio.wait_for(waiting, 60)
        await events.wait(longest=0.01, without_events=HOUR)


@linux
async def test_a_folder_that_appears_only_now_or_again_is_watched(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with FolderEvents(folder) as events:
        await events.wait(longest=HOUR, without_events=0)
        for _ in range(2):
            folder.mkdir()
            waiting = asyncio.create_task(events.wait(longest=HOUR, without_events=HOUR))
            await asyncio.sleep(0)
            write_private(folder / "plan.json", b"one")
            await asyncio.wait_for(waiting, 60)
            (folder / "plan.json").unlink()
            folder.rmdir()
            await asyncio.wait_for(events.wait(longest=HOUR, without_events=0), 60)  # the watch ends with its folder


async def test_without_inotify_the_wait_is_the_short_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with FolderEvents(tmp_path) as events:
        await asyncio.wait_for(events.wait(longest=HOUR, without_events=0), 60)

"""A kill file is written on a full disk, too, and an unreadable one still names its experiment, owner and time."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.local_user import local_actor
from fairtrial.config.plan import kill_files
from fairtrial.config.plan.kill_files import (
    RESERVE_BYTES,
    UNREADABLE,
    KillFile,
    experiment_of,
    keep_reserve,
    read_kill,
    standing_kill,
    standing_kills,
    stop_at_once,
    write_kill,
)
from fairtrial.domain.errors import UsageError
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, plan_for

KILL = KillFile(EXPERIMENT, 1_800_000_000_000_000, "local user rosa", "answers in French")


@pytest.fixture(name="layout")
def layout_fixture(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "fairtrial.duckdb").make()


def test_what_is_written_is_read_by_its_owner_alone(layout: Layout) -> None:
    path, complete = write_kill(layout, KILL, "0a1b")
    assert complete and standing_kills(layout.folder) == [path]
    assert (read_kill(path), path.stat().st_mode & 0o777) == (KILL, 0o600)


def test_the_name_of_a_file_names_the_experiment() -> None:
    named = {name: experiment_of(name) for name in ("kill.a.b-c@0f.json", "kill.a.b-c.json", "kill.reserve")}
    assert named == {"kill.a.b-c@0f.json": "a.b-c", "kill.a.b-c.json": "a.b-c", "kill.reserve": None}
    assert {experiment_of(name) for name in (".kill.a.json.1f", "kill.json", "kill..json", "plan.json")} == {None}


def test_a_name_that_leads_to_another_folder_is_refused(layout: Layout) -> None:
    with pytest.raises(UsageError, match="can't be the name of an experiment"):
        write_kill(layout, msgspec.structs.replace(KILL, experiment="../x"), "0a")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"experiment": "tuned-vs',
        os.urandom(40_000),
        msgspec.json.encode(msgspec.structs.replace(KILL, experiment="other")),
        msgspec.json.encode(msgspec.structs.replace(KILL, why="a\nb")),
        msgspec.json.encode(msgspec.structs.replace(KILL, actor=" ")),
        b'{"experiment": "tuned-vs-base", "at_us": 1e30, "actor": "a", "why": "b"}',
    ],
)
def test_an_unreadable_file_counts_with_its_owner_and_time(layout: Layout, content: bytes) -> None:
    path = layout.folder / f"kill.{EXPERIMENT}.json"
    path.write_bytes(content)
    os.utime(path, ns=(0, 5_000_000))
    assert read_kill(path) == KillFile(EXPERIMENT, 5_000, local_actor(path.stat().st_uid), UNREADABLE)


def test_the_reserve_has_blocks_and_becomes_the_file_when_nothing_else_can_be_written(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_reserve(layout)
    assert layout.kill_reserve.stat().st_blocks * 512 >= RESERVE_BYTES
    inode = layout.kill_reserve.stat().st_ino

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kill_files, "write_private", full)
    path, complete = write_kill(layout, KILL, "0a")
    assert complete and read_kill(path) == KILL
    assert (path.stat().st_ino, path.stat().st_mode & 0o777, layout.kill_reserve.exists()) == (inode, 0o600, False)
    with pytest.raises(OSError, match="No space left"):
        write_kill(layout, KILL, "0b")


def test_without_a_reserve_the_file_is_empty_if_no_byte_can_be_written(layout: Layout) -> None:
    path, complete = in_a_process_without_bytes(lambda: write_kill(layout, KILL, "0a"))
    assert (path.name, complete) == (f"kill.{EXPERIMENT}@0a.json", False)
    assert read_kill(path).why == UNREADABLE
    assert [entry for entry in layout.folder.iterdir() if entry.name.startswith(".")] == []


def in_a_process_without_bytes(step: Callable[[], tuple[Path, bool]]) -> tuple[Path, bool]:
    """The result of a step that can create files, but can't write into them."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        return step()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_reserve_is_allocated_again_only_if_there_is_room(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_files, "has_room", lambda *_: False)
    keep_reserve(layout)
    assert not layout.kill_reserve.exists()
    monkeypatch.undo()
    layout.kill_reserve.write_bytes(b"what a kill has left")
    keep_reserve(layout)
    assert layout.kill_reserve.stat().st_size == RESERVE_BYTES
    inode = layout.kill_reserve.stat().st_ino
    keep_reserve(layout)
    assert layout.kill_reserve.stat().st_ino == inode


def test_the_oldest_kill_of_a_running_experiment_stands(layout: Layout) -> None:
    running = plan_for("http://127.0.0.1:9").experiments[EXPERIMENT]
    assert standing_kill(layout.folder, running) is None
    write_kill(layout, msgspec.structs.replace(KILL, at_us=9), "0a")
    write_kill(layout, msgspec.structs.replace(KILL, at_us=5), "0b")
    write_kill(layout, KillFile("another", 1, "local user rosa", "a test"), "0c")
    found = standing_kill(layout.folder, running)
    assert found is not None and found.at_us == 5
    assert standing_kill(layout.folder, replace(running, state="killed")) is None


def test_a_stop_keeps_the_hash_and_stays_until_a_plan_says_so_or_has_a_later_segment() -> None:
    running = plan_for("http://127.0.0.1:9")
    assert stop_at_once(running, [], {}) == (running, {})
    assert stop_at_once(running, ["unknown"], {}) == (running, {})
    plan, stopped = stop_at_once(running, [EXPERIMENT], {})
    assert (plan.experiments[EXPERIMENT].state, plan.plan_hash, stopped) == (
        "killed",
        running.plan_hash,
        {EXPERIMENT: 1},
    )
    assert stop_at_once(running, [], stopped) == (plan, stopped)
    killed = plan_for("http://127.0.0.1:9", experiment={"state": "killed"})
    assert stop_at_once(killed, [EXPERIMENT], stopped) == (killed, {})
    again = plan_for("http://127.0.0.1:9", experiment={"segment": 2})
    assert stop_at_once(again, [], stopped) == (again, {})
    ended = plan_for("http://127.0.0.1:9", experiment={"state": "ended", "serves": "tuned"})
    assert stop_at_once(ended, [EXPERIMENT], {}) == (ended, {})

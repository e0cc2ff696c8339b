"""The live state is laid over a plan, and a re-armed segment gets a salt that anyone can compute again."""

from __future__ import annotations

import hashlib
import hmac
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import local_actor
from fairtrial.config.plan import live_state
from fairtrial.config.plan.hashes import plain, plan_hash
from fairtrial.config.plan.live_state import (
    RESERVE_BYTES,
    UNREADABLE,
    KillFile,
    Live,
    experiment_of,
    keep_reserve,
    lay_over,
    read_kill,
    segment_salt,
    standing_kill,
    standing_kills,
    stop_at_once,
    write_kill,
)
from fairtrial.config.plan.published import refuse_unsound
from fairtrial.config.project import load_project
from fairtrial.domain.errors import PlanRefused, UsageError
from fairtrial.domain.plan import Plan
from fairtrial.experiments.analysis.frozen_guard import reassignment
from fairtrial.experiments.assignment import assign
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, plan_for
from tests.fixtures.services.projects import ENVIRON, project

NAME = "tuned-vs-base"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return project(tmp_path).plan


def test_the_salt_of_a_segment_is_an_hmac_of_the_declared_one() -> None:
    assert segment_salt("s", 1) == "s"
    assert segment_salt("s", 3) == hmac.new(b"s", b"segment\x003", hashlib.sha256).hexdigest()
    assert len({segment_salt("s", number) for number in range(1, 200)}) == 199


def test_no_live_state_leaves_the_plan_and_its_hash(plan: Plan) -> None:
    assert lay_over(plan, {}) == plan
    assert lay_over(plan, {NAME: Live(), "gone": Live(state="killed")}) == plan


def test_a_state_is_laid_over_a_published_plan_as_over_the_file(tmp_path: Path, plan: Plan) -> None:
    live = {NAME: Live(40, "killed", 1)}
    assert lay_over(plan, live) == load_project(tmp_path / "fairtrial.yaml", ENVIRON, live).plan
    assert lay_over(lay_over(plan, {NAME: Live(state="paused")}), {NAME: Live()}) == plan


def test_a_new_segment_assigns_units_anew_and_has_its_own_analysis_hash(plan: Plan) -> None:
    first, second = plan, lay_over(plan, {NAME: Live(segment=2)})
    third = lay_over(plan, {NAME: Live(segment=3)})
    assert second.plan_hash == plan_hash(second) != first.plan_hash
    experiments = [served.experiments[NAME] for served in (first, second, third)]
    assert (
        len({experiment.analysis_hash for experiment in experiments})
        == len({experiment.salt for experiment in experiments})
        == 3
    )
    whole = [replace(experiment, stage=100) for experiment in experiments]
    arms = [[assign(experiment, f"user-{number}").assigned for number in range(400)] for experiment in whole]
    changed = sum(before != after for before, after in zip(arms[0], arms[1], strict=True))
    assert 100 < changed < 300


def test_a_published_segment_that_is_not_the_current_one_is_served_as_killed(plan: Plan) -> None:
    second = lay_over(plan, {NAME: Live(segment=2)})
    assert lay_over(second, {NAME: Live(segment=3)}).experiments[NAME].state == "killed"
    assert lay_over(second, {NAME: Live(segment=2, state="paused")}).experiments[NAME].state == "paused"


PROMOTED = {NAME: Live(state="ended", serves="tuned")}


def test_a_promotion_is_laid_over_the_plan_and_an_earlier_release_may_ignore_it(plan: Plan) -> None:
    promoted = lay_over(plan, PROMOTED)
    assert (promoted.experiments[NAME].state, promoted.experiments[NAME].serves) == ("ended", "tuned")
    ended = lay_over(plan, {NAME: Live(state="ended")})
    assert promoted.plan_hash != ended.plan_hash
    assert "serves" not in plain(ended)["experiments"][NAME], "the field is written only where it is used"
    assert lay_over(promoted, {NAME: Live(state="ended")}) == ended, "a roll-back"
    refuse_unsound(promoted)
    with pytest.raises(PlanRefused, match="can't serve everyone"):
        refuse_unsound(lay_over(plan, {NAME: Live(state="ended", serves="gone")}))


def test_the_guard_accepts_a_new_segment_and_no_other_split_in_it(plan: Plan) -> None:
    second = lay_over(plan, {NAME: Live(segment=2)})
    assert reassignment(plan.experiments[NAME], second.experiments[NAME]) is None
    moved = replace(
        second.experiments[NAME],
        variants=tuple(
            replace(variant, weight=weight)
            for variant, weight in zip(second.experiments[NAME].variants, (20.0, 80.0), strict=True)
        ),
    )
    for before in (plan, second):
        assert "salt" in (reassignment(before.experiments[NAME], moved) or "")


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

    monkeypatch.setattr(live_state, "write_private", full)
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
    monkeypatch.setattr(live_state, "has_room", lambda *_: False)
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
    file = standing_kill(layout.folder, running)
    assert file is not None and file.at_us == 5
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

"""The live state is laid over a plan, and a re-armed segment gets a salt that anyone can compute again."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from pathlib import Path

import pytest

from fairtrial.config.plan.hashes import plain, plan_hash
from fairtrial.config.plan.live_state import Live, keep_stopped, lay_over, segment_salt
from fairtrial.config.plan.published import refuse_unsound
from fairtrial.config.project import load_project
from fairtrial.domain.errors import PlanRefused
from fairtrial.domain.plan import Plan
from fairtrial.experiments.analysis.frozen_guard import reassignment
from fairtrial.experiments.assignment import assign
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
    experiments = [one.experiments[NAME] for one in (first, second, third)]
    assert len({one.analysis_hash for one in experiments}) == len({one.salt for one in experiments}) == 3
    whole = [replace(one, stage=100) for one in experiments]
    arms = [[assign(one, f"user-{number}").assigned for number in range(400)] for one in whole]
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


@pytest.mark.parametrize(
    "rows",
    [{}, {NAME: Live()}, {NAME: Live(state="paused")}, {NAME: Live(state="declared")}],
)
def test_a_promotion_that_the_rows_lack_stays_in_force(plan: Plan, rows: dict[str, Live]) -> None:
    promoted = lay_over(plan, PROMOTED)
    for declared in (plan, promoted):  # a readable file, and one that can't be read
        assert keep_stopped(promoted, lay_over(declared, rows)) == promoted


def test_the_promotion_of_a_later_segment_stays_in_force_over_rows_of_an_earlier_one(plan: Plan) -> None:
    promoted = lay_over(plan, {NAME: Live(None, "ended", 2, "tuned")})
    for rows in (Live(), Live(state="killed")):
        for declared in (plan, promoted):
            kept = keep_stopped(promoted, lay_over(declared, {NAME: rows})).experiments[NAME]
            assert (kept.state, kept.serves) == ("ended", "tuned")


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        (Live(state="ended"), "ended"),
        (Live(state="killed", segment=2), "killed"),
        (Live(segment=3), "running"),
        (Live(state="ended", segment=1), "ended"),
    ],
)
def test_a_roll_back_a_kill_or_a_later_segment_ends_a_promotion(plan: Plan, rows: Live, state: str) -> None:
    promoted = lay_over(plan, {NAME: Live(None, "ended", 2, "tuned")})
    laid = keep_stopped(promoted, lay_over(plan, {NAME: rows})).experiments[NAME]
    assert (laid.state, laid.serves) == (state, None)
    unread = keep_stopped(promoted, lay_over(promoted, {NAME: rows})).experiments[NAME]
    assert (unread.state, unread.serves) == ("killed" if state == "running" else state, None)


def test_the_guard_accepts_a_new_segment_and_no_other_split_in_it(plan: Plan) -> None:
    second = lay_over(plan, {NAME: Live(segment=2)})
    assert reassignment(plan.experiments[NAME], second.experiments[NAME]) is None
    moved = replace(
        second.experiments[NAME],
        variants=tuple(
            replace(one, weight=weight)
            for one, weight in zip(second.experiments[NAME].variants, (20.0, 80.0), strict=True)
        ),
    )
    for before in (plan, second):
        assert "salt" in (reassignment(before.experiments[NAME], moved) or "")

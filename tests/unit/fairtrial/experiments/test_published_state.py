"""What a store adopts from the published plan: what was stopped stays stopped, and what the store stopped does, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.config.plan.live_state import Live, lay_over
from fairtrial.domain.plan import Plan
from fairtrial.domain.settings import KeptControl
from fairtrial.experiments.published_state import adopted_transitions, declared_transitions
from tests.fixtures.for_each import for_each
from tests.fixtures.services.projects import project

NAME = "tuned-vs-base"
KEPT = KeptControl(share=5.0, variant="tuned", until_us=1, days=14.0, after=1, first=0.0)
NOTHING = ""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return project(tmp_path).plan


def adopted(plan: Plan, published: Live, rows: Live, *, older: bool) -> str:
    """The actions that are adopted, and the last state with its segment, the stage and the variant that serves."""
    shown = lay_over(plan, {NAME: published})
    made = list(adopted_transitions(shown, NAME, rows, older=older, now_us=1))
    if not made:
        return NOTHING
    serves = (made[-1].evidence or {}).get("variant", "")
    return f"{' '.join(one.action for one in made)}: {made[-1].to_state} {made[-1].segment} {serves}".strip()


@for_each(
    ("published", "rows", "actions"),
    [
        (Live(state="killed"), Live(), "kill: killed 1"),
        (Live(state="killed"), Live(state="paused"), "kill: killed 1"),
        (Live(state="killed", segment=3), Live(state="killed"), "kill: killed 3"),
        (Live(state="ended"), Live(state="killed"), "end: ended 1"),
        (Live(state="ended"), Live(state="ended", serves="tuned"), "rollback: ended 1"),
        (Live(state="ended", serves="tuned"), Live(state="paused"), "promote: ended 1 tuned"),
        (Live(state="ended", segment=2, serves="tuned"), Live(state="killed"), "promote: ended 2 tuned"),
        (Live(None, "running", 2, None, KEPT), Live(), "promote: ended 2 tuned"),
        (Live(None, "paused", 2, None, KEPT), Live(), "end: ended 2"),
        (Live(10, segment=2), Live(state="killed"), "stage: running 2"),
        (Live(10, state="paused", segment=2), Live(), "stage pause: paused 2"),
    ],
)
def test_what_no_later_row_can_explain_is_adopted_from_any_store(
    plan: Plan, published: Live, rows: Live, actions: str
) -> None:
    assert [adopted(plan, published, rows, older=older) for older in (False, True)] == [actions, actions]


@for_each(
    ("published", "rows"),
    [
        (Live(), Live(state="killed", segment=2)),
        (Live(state="killed"), Live(segment=2)),
        (Live(state="ended", serves="tuned"), Live(state="killed")),
        (Live(state="ended", serves="tuned"), Live(state="ended")),
        (Live(segment=2), Live(state="ended")),
        (Live(), Live(state="paused")),
        (Live(), Live(state="killed")),
        (Live(state="paused"), Live(state="killed")),
        (Live(state="declared"), Live()),
    ],
)
def test_nothing_that_the_rows_stopped_runs_again(plan: Plan, published: Live, rows: Live) -> None:
    assert [adopted(plan, published, rows, older=older) for older in (False, True)] == [NOTHING, NOTHING]


@for_each(
    ("published", "rows", "actions"),
    [
        (Live(100, state="paused"), Live(100), "pause: paused 1"),
        (Live(40, state="paused"), Live(10), "stage pause: paused 1"),
        (Live(40), Live(10), "stage: running 1"),
        (Live(state="paused"), Live(), "pause: paused 1"),
        (Live(40), Live(state="declared"), "stage: running 1"),
    ],
)
def test_a_pause_or_stage_is_adopted_only_by_a_store_that_is_known_to_be_older(
    plan: Plan, published: Live, rows: Live, actions: str
) -> None:
    assert [adopted(plan, published, rows, older=older) for older in (False, True)] == [NOTHING, actions]


@for_each(
    ("rows", "undone", "action"),
    [
        (Live(), False, "pause"),
        (Live(state="declared"), False, ""),
        (Live(state="killed"), False, ""),
        (Live(state="ended", serves="tuned"), False, ""),
        (Live(state="ended", serves="tuned"), True, "rollback"),
    ],
)
def test_what_no_plan_shows_waits_for_a_person(plan: Plan, rows: Live, undone: bool, action: str) -> None:
    laid = lay_over(plan, {NAME: rows})
    made = declared_transitions(laid, laid.experiments[NAME], None, undone=undone, now_us=1)
    assert " ".join(one.action for one in made) == action


@for_each(
    ("rows", "published", "stage"),
    [
        (Live(2), Live(40), 40.0),
        (Live(2, state="paused"), Live(40, state="paused"), 40.0),
        (Live(40), Live(2), None),
        (Live(2, state="killed"), Live(40, state="killed"), None),
    ],
)
def test_the_published_stage_is_kept(plan: Plan, rows: Live, published: Live, stage: float | None) -> None:
    declared, shown = (lay_over(plan, {NAME: live}).experiments[NAME] for live in (rows, published))
    made = list(declared_transitions(plan, declared, shown, undone=False, now_us=1))
    assert [(one.to_state, one.stage) for one in made] == ([] if stage is None else [(rows.state, stage)])

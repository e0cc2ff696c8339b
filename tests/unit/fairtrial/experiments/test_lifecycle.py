"""An experiment has few states, each action leads from some of them to one, and a refusal says what is possible."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from fairtrial.domain.decision.transition import Action, Transition
from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.domain.settings import ExperimentState
from fairtrial.experiments.lifecycle import (
    ACTIONS,
    MOST_WHY,
    checked_reason,
    next_state,
    possible,
    promoted_by,
    sentence,
)
from tests.fixtures.for_each import for_each

STATES: tuple[ExperimentState, ...] = ("declared", "running", "paused", "killed", "ended")
ALLOWED: dict[tuple[ExperimentState, Action], ExperimentState] = {
    ("declared", "start"): "running",
    ("declared", "end"): "ended",
    ("running", "approve"): "running",
    ("paused", "approve"): "paused",
    ("running", "stage"): "running",
    ("running", "amend"): "running",
    ("paused", "amend"): "paused",
    ("running", "pause"): "paused",
    ("paused", "resume"): "running",
    ("running", "kill"): "killed",
    ("paused", "kill"): "killed",
    ("killed", "rearm"): "running",
    ("running", "end"): "ended",
    ("paused", "end"): "ended",
    ("killed", "end"): "ended",
    ("running", "promote"): "ended",
    ("paused", "promote"): "ended",
    ("running", "rollback"): "ended",
    ("paused", "rollback"): "ended",
    ("ended", "archive"): "ended",
    **{(state, "withdraw"): state for state in STATES},
}
KILL = Transition("t", 1_800_000_000_000_000, "kill", "running", "killed", 1, "account rosa", "answers in French", "h")


@for_each(("state", "action"), list(product(STATES, (*ACTIONS, "stage"))))
def test_every_action_leads_to_the_state_in_the_table_or_is_refused(state: ExperimentState, action: Action) -> None:
    if (state, action) in ALLOWED:
        segment = 4 if action == "rearm" else 3
        assert next_state("t", state, 3, action) == (ALLOWED[state, action], segment)
        return
    with pytest.raises(Conflict) as refused:
        next_state("t", state, 3, action)
    assert state in refused.value.message
    assert all(allowed in refused.value.message for allowed in possible(state))


def test_a_resume_after_another_model_answered_starts_a_new_segment() -> None:
    assert next_state("t", "paused", 1, "resume", other_model=True) == ("running", 2)
    assert next_state("t", "running", 1, "pause", other_model=True) == ("paused", 1)


def test_an_ended_experiment_is_final() -> None:
    assert possible("ended") == ["archive"]
    with pytest.raises(Conflict, match=r"\(possible: archive\)"):
        next_state("t", "ended", 1, "rearm")


def test_a_promotion_can_be_rolled_back_and_nothing_else() -> None:
    assert possible("ended", promoted=True) == ["rollback"]
    assert next_state("t", "ended", 2, "rollback", promoted=True) == ("ended", 2)
    for action in ("rearm", "kill", "promote"):
        with pytest.raises(Conflict, match=r"\(possible: rollback\)"):
            next_state("t", "ended", 2, action, promoted=True)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match=r"\(possible: archive\)"):
        next_state("t", "ended", 2, "rollback")


def test_a_worse_candidate_is_rearmed_or_resumed_with_another_definition() -> None:
    with pytest.raises(Conflict, match="can't continue until its definition changes"):
        next_state("t", "paused", 1, "resume", cause="worse")
    assert next_state("t", "paused", 1, "resume", cause="worse", other_model=True) == ("running", 2)
    assert next_state("t", "paused", 1, "rearm", cause="worse") == ("running", 2)
    with pytest.raises(Conflict, match="can't rearm"):
        next_state("t", "paused", 1, "rearm", cause="person")


@for_each("why", ["", "  ", "\n", "x" * (MOST_WHY + 1), "two\nlines", "bell\a", "hidden\u200b", "\ud800"])
def test_a_reason_is_one_visible_line(why: str) -> None:
    with pytest.raises(BadRequest, match="why"):
        checked_reason(why)


def test_a_reason_may_use_any_script_and_loses_only_its_margin() -> None:
    assert checked_reason("  répond en français – 日本語 ") == "répond en français – 日本語"


def test_the_sentence_says_what_happened_and_what_to_do() -> None:
    assert sentence("t", "base", "killed", KILL) == (
        "STOPPED at 08:00:00 UTC on 15 Jan 2027 by account rosa: answers in French. All traffic is on base. "
        "To start it again: fairtrial experiment rearm t --why …"
    )
    assert sentence("t", "base", "running", None) == "Running."


def test_the_sentence_of_a_promotion_says_who_overrode_what_and_how_to_undo_it() -> None:
    evidence = {"variant": "tuned", "override": False, "missing": []}
    made = replace(KILL, action="promote", to_state="ended", why="SHIP!", evidence=evidence)
    head = "PROMOTED at 08:00:00 UTC on 15 Jan 2027 by account rosa: SHIP!"
    tail = "tuned serves everyone. To undo: fairtrial experiment rollback t --why …"
    assert sentence("t", "base", "ended", made) == f"{head} {tail}"
    missing = {"override": True, "missing": ["no verdict on tuned", "no approval by an expert"]}
    forced = replace(made, evidence=evidence | missing)
    overriding = "Overriding: no verdict on tuned; no approval by an expert."
    assert sentence("t", "base", "ended", forced) == f"{head} {overriding} {tail}"
    undone = replace(made, action="rollback", why="rude", evidence={"promoted": "tuned"})
    assert sentence("t", "base", "ended", undone) == (
        "ROLLED BACK at 08:00:00 UTC on 15 Jan 2027 by account rosa: rude. All traffic is on base."
    )
    assert (promoted_by(made), promoted_by(undone), promoted_by(None)) == ("tuned", None, None)

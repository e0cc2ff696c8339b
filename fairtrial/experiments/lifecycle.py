"""Defines the states of an experiment and the transitions between them, as pure functions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from fairtrial.config.plan.live_state import CAN_BE_KILLED, KillFile
from fairtrial.domain.decision.transition import Action, Cause, Transition
from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.domain.names.look_alikes import has_invisible
from fairtrial.domain.settings import ExperimentState, KeptControl, PersonsAction
from fairtrial.experiments.promotion import kept_words, refused_while_kept

ACTIONS: tuple[PersonsAction, ...] = get_args(PersonsAction)
"""What people can do. Only control raises a stage, as soon as all of its conditions hold."""

FROM: Mapping[Action, tuple[ExperimentState, ...]] = {
    "start": ("declared",),
    "approve": ("running", "paused"),
    "stage": ("running",),
    "amend": ("running", "paused"),
    "pause": ("running",),
    "resume": ("paused",),
    "kill": CAN_BE_KILLED,
    "rearm": ("killed",),
    "end": ("declared", "running", "paused", "killed"),
    "promote": ("running", "paused"),
    "rollback": ("running", "paused"),
    "withdraw": ("declared", "running", "paused", "killed", "ended"),
    "archive": ("ended",),
}
TO: Mapping[Action, ExperimentState] = {
    "start": "running",
    "stage": "running",
    "pause": "paused",
    "resume": "running",
    "kill": "killed",
    "rearm": "running",
    "end": "ended",
    "promote": "ended",
    "rollback": "ended",
}
"""Approvals, amendments, withdrawals and archiving keep the state."""
MOST_WHY = 500
_WORD: Mapping[ExperimentState, str] = {
    "declared": "NOT STARTED",
    "paused": "PAUSED",
    "killed": "STOPPED",
    "ended": "ENDED",
}
MODELS = "changed_models"
"""The key of the evidence of a pause because another model answers; a resume then starts a new segment."""
WORSE = "worse"
"""The key of the evidence of a pause or kill because the primary metric is worse: the treatments that are."""
KEPT_AWAY = "kept_away"
"""The key of the evidence of a pause because breakers keep requests from treatments: these treatments."""
DECLINED = "declined"
"""The key of the evidence of a pause because guardrails declined: their metrics and treatments. A resume accepts it."""
ACCEPTED_UNITS = "accepted_units"
"""The key of the evidence of an approval that accepts units behind a difference by request, instead of a stage."""
ACCEPTED = "accepted"
"""The key of the evidence of a resume, and of a pause after it: all declines that were accepted in the segment."""
KEPT = "kept_control"
"""The key of the evidence of a promotion that keeps a control."""
PROMOTED = "promoted"
"""The key of the evidence of a roll-back: the variant that served everyone, ``None`` without a promotion."""
RULES = "rules"
"""The key of the evidence of an end because this version no longer computes the rules of the plan: their number."""


def possible(
    state: ExperimentState,
    *,
    promoted: bool = False,
    cause: Cause | None = None,
    other_model: bool = False,
    kept_control: KeptControl | None = None,
) -> list[PersonsAction]:
    """The actions that a state allows, apart from a withdrawal, which all do. A promotion can always be rolled back.

    ``cause``: what paused it. A worse candidate is re-armed, or resumed after its definition has changed.
    ``kept_control``: the control that a promotion has kept in this segment, which nothing promotes or amends again.
    """
    actions = [action for action in ACTIONS if state in FROM[action] or (promoted and action == "rollback")]
    actions = [action for action in actions if action != "withdraw" and not (promoted and action == "archive")]
    if kept_control is not None:
        actions = [action for action in actions if action not in ("approve", "amend", "promote")]
    if state == "paused" and cause == "worse":
        actions = [
            action for action in ACTIONS if action in (*actions, "rearm") and (action != "resume" or other_model)
        ]
    return actions


def next_state(
    name: str,
    state: ExperimentState,
    segment: int,
    action: Action,
    *,
    cause: Cause | None = None,
    other_model: bool = False,
    promoted: bool = False,
    kept_control: KeptControl | None = None,
    keeps: bool = False,
) -> tuple[ExperimentState, int]:
    """The state and segment after an action; raises `Conflict`, which names the state and what is possible.

    ``cause``: what paused it. After a rule has paused it, or with ``other_model``, a resume starts a new segment.
    ``promoted``: whether a variant serves everyone by a promotion. ``kept_control``: as in `possible`. ``keeps``:
    whether the promotion keeps a control, so that its next segment runs.
    """
    can = possible(state, promoted=promoted, cause=cause, other_model=other_model, kept_control=kept_control)
    if action not in (*can, "withdraw") and not (action == "stage" and state in FROM["stage"]):
        known = ", ".join(can) or "nothing: this state is final"
        if kept_control is not None and state in ("running", "paused"):
            raise Conflict(f"{refused_while_kept(name, kept_control)} (possible: {known})")
        if state == "paused" and action == "resume":
            raise Conflict(
                f"experiments.{name}: the candidate is proven worse, so it can't continue until its definition "
                f"changes; `rearm` starts the next attempt (possible: {known})"
            )
        raise Conflict(f"experiments.{name}: can't {action} an experiment that is {state} (possible: {known})")
    if keeps:
        return "running", segment + 1
    anew = other_model or cause in ("models", "harmed")
    return TO.get(action, state), segment + (action == "rearm" or (action == "resume" and anew))


def checked_reason(why: str) -> str:
    """The reason without surrounding blanks; raises `BadRequest` if it is empty, too long or not printable."""
    text = why.strip()
    if not text:
        raise BadRequest("why: a reason is required (one sentence)")
    if len(text) > MOST_WHY:
        raise BadRequest(f"why: the reason has {len(text)} characters (at most {MOST_WHY})")
    if has_invisible(text):
        raise BadRequest("why: the reason has invisible or control characters (write one line of visible text)")
    return text


def shortened(why: str) -> str:
    """A reason of control in the length that a transition keeps; with many variants it can be longer."""
    return why if len(why) <= MOST_WHY else f"{why[: MOST_WHY - 1].rstrip()}…"


def sentence(
    name: str,
    control: str,
    state: ExperimentState,
    last: Transition | None,
    *,
    kept_control: KeptControl | None = None,
) -> str:
    """The state of an experiment for people; ``last`` is its newest transition, if there is any.

    ``kept_control``: the control that a promotion has kept in this segment.
    """
    if state == "declared":
        return f"NOT STARTED. All traffic is on {control}. To start: fairtrial experiment start {name} --why …"
    if kept_control is not None and last is not None and state == "running":
        made = _overridden(last) if last.action == "promote" else ""
        served = f"{kept_control.variant} serves everyone else. {undo(name)}"
        return f"PROMOTED, {kept_words(kept_control)}: {_LAST[last.action]} {_by(last)}{made} {served}"
    if last is None or state == "running":
        made = "" if last is None else accepted_unit_words(last.evidence or {}) or _LAST[last.action]
        return "Running." if last is None else f"Running: {made} {_by(last)}"
    variant = promoted_by(last)
    if variant is not None:
        return f"{state_word(state, last)} {_by(last)}{_overridden(last)} {variant} serves everyone. {undo(name)}"
    text = f"{state_word(state, last)} {_by(last)} All traffic is on {control}."
    if state == "killed" or (state == "paused" and cause_of(last) == "worse"):
        return f"{text} To start it again: fairtrial experiment rearm {name} --why …"
    return f"{text} To continue: fairtrial experiment resume {name} --why …" if state == "paused" else text


def state_word(state: ExperimentState, last: Transition | None) -> str:
    """The state in one or two words, of an experiment that does not run."""
    if promoted_by(last) is not None:
        return "PROMOTED"
    return "ROLLED BACK" if last is not None and last.action == "rollback" else _WORD[state]


def accepted_unit_words(evidence: Mapping[str, Any]) -> str:
    """Which units an approval accepted instead of a stage; empty for other transitions."""
    units = dict.fromkeys(unit["unit"] for unit in evidence.get(ACCEPTED_UNITS, ()))
    return f"accepted {', '.join(units)}" if units else ""


def unrecorded_kill(kill: KillFile, control: str) -> str:
    """The state of an experiment that a kill file stops, until control has recorded the kill."""
    return f"STOPPED {_by(kill)} All traffic is on {control}. Control has not recorded it yet."


def cause_of(entered: Transition) -> Cause:
    """What made a pause or kill: the primary metric, another model, a breaker, a guardrail, or a person."""
    evidence = entered.evidence or {}
    causes: tuple[tuple[str, Cause], ...] = (
        (WORSE, "worse"), (MODELS, "models"), (KEPT_AWAY, "kept_away"), (DECLINED, "declined"),
        ("metric", "harmed"),
    )  # fmt: skip
    return next((cause for key, cause in causes if key in evidence), "person")


def promoted_by(last: Transition | None) -> str | None:
    """The variant that serves everyone since the newest transition; only a roll-back follows such a promotion.

    It is a promotion, or the end of one that kept a control for a time.
    """
    evidence = (last.evidence if last is not None and last.action in ("promote", "end") else None) or {}
    return str(evidence["variant"]) if "variant" in evidence and KEPT not in evidence else None


def undo(name: str) -> str:
    """How to end a promotion."""
    return f"To undo: fairtrial experiment rollback {name} --why …"


def _overridden(last: Transition) -> str:
    """What was missing when an admin promoted nevertheless."""
    evidence = last.evidence or {}
    return (
        f" Overriding: {'; '.join(evidence['missing'])}."
        if evidence.get("override") and evidence.get("missing")
        else ""
    )


_LAST: Mapping[Action, str] = {
    "start": "started",
    "approve": "a stage was approved",
    "stage": "a stage was reached",
    "amend": "amended",
    "resume": "continued",
    "rearm": "started again",
    "promote": "promoted",
}


def _by(last: Transition | KillFile) -> str:
    at = datetime.fromtimestamp(last.at_us // 1_000_000, UTC)
    end = "" if last.why.endswith((".", "!", "?", "…")) else "."
    return f"at {at:%H:%M:%S} UTC on {at:%d %b %Y} by {last.actor}: {last.why}{end}"

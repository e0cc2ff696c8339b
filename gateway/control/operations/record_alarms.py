"""Records alarms: writes those of transitions, and that a person knows of one."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.experiments.lifecycle import Action, Cause, Transition, cause_of, checked_reason
from fairtrial.store.access.audit import CONTROL
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.experiments import alarms

OF_CAUSE: Mapping[Cause, str] = {
    "worse": "experiment.worse",
    "models": "experiment.model",
    "kept_away": "experiment.kept_away",
}
"""The alarms of pauses by these causes; other pauses are ``experiment.paused``."""
LEAVES: tuple[Action, ...] = ("resume", "rearm", "end", "promote", "rollback")
ROLLED_BACK = "promotion.rolled_back"
"""The alarm that control has rolled a promotion back; archiving the experiment closes it."""
STOPPED = (*OF_CAUSE.values(), "experiment.paused", "experiment.killed")
_WORDS: Mapping[Action, str] = {
    "pause": "paused",
    "kill": "stopped",
    "stage": "the next stage was reached",
    "end": "ended",
    "promote": "promoted",
    "rollback": "rolled back",
}


def announce(cursor: Cursor, made: Transition) -> None:
    """Open the alarm of a pause or kill, close it when the state is left, and write the notices of stage and end."""
    name, now_us = made.experiment, made.at_us
    text = f"{name}: {_WORDS[made.action]} by {made.actor}: {made.why}" if made.action in _WORDS else ""
    if made.action in ("pause", "kill"):
        kind = "experiment.killed" if made.action == "kill" else OF_CAUSE.get(cause_of(made), "experiment.paused")
        alarms.open_alarm(cursor, kind, name, text=text, now_us=now_us, actor=made.actor)
    if made.action in LEAVES:
        for kind in STOPPED:
            alarms.close(cursor, kind, name, now_us=now_us, actor=made.actor)
    if made.action == "rollback" and made.actor == CONTROL:
        alarms.open_alarm(cursor, ROLLED_BACK, name, text=text, now_us=now_us, actor=made.actor)
    if made.action == "archive":
        alarms.close(cursor, ROLLED_BACK, name, now_us=now_us, actor=made.actor)
    if made.action == "stage":
        alarms.notice(cursor, "notice.stage", name, text=text, now_us=now_us, actor=made.actor)
    if made.to_state == "ended" and (made.from_state != "ended" or made.action == "rollback"):
        alarms.notice(cursor, "notice.ended", name, text=text, now_us=now_us, actor=made.actor)


def acknowledge_alarm(database: Database, alarm_id: str, *, actor: str, why: str, now_us: int) -> None:
    """Acknowledge an alarm; raises `NotFound`, `Conflict` for a closed one, and `BadRequest` for a missing reason."""
    reason = checked_reason(why)
    with database.transaction() as cursor:
        alarms.acknowledge(cursor, alarm_id, now_us=now_us, actor=actor, why=reason)


def standing_alarms(database: Database) -> dict[str, int]:
    """The number of open and of acknowledged alarms; raises `StoreError`."""
    counts = alarms.counts(database)
    return {
        state: sum(count for (alarm_state, _), count in counts.items() if alarm_state == state)
        for state in ("open", "acknowledged")
    }

"""Records alarms: opens and closes those of transitions and of models that end, and notes who has seen one."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from fairtrial.api.store import StandingAlarms
from fairtrial.config.plan.retirement import Retirement, retirements, today_utc
from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.decision.transition import Action, Cause, Transition
from fairtrial.domain.plan import Plan
from fairtrial.experiments.lifecycle import cause_of, checked_reason
from fairtrial.journal.counts import has_requests
from fairtrial.store.access import audit
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
INGESTED = "SELECT 1 FROM offsets LIMIT 1"
"""A store of runs alone has no entry in the audit trail, and is not new."""
OLDER = "store.older"
"""The alarm that the store's file was set back."""
FAMILY = "deployment"
ENDS, ENDED = f"{FAMILY}.ends", f"{FAMILY}.ended"


def announce(cursor: Cursor, made: Transition) -> None:
    """Open the alarm of a pause or kill in place of an earlier one, and close it when the state is left.

    Notices of a stage and of the end are written, too.
    """
    name, now_us = made.experiment, made.at_us
    text = f"{name}: {_WORDS[made.action]} by {made.actor}: {made.why}" if made.action in _WORDS else ""
    if made.action in ("pause", "kill"):
        kind = "experiment.killed" if made.action == "kill" else OF_CAUSE.get(cause_of(made), "experiment.paused")
        for earlier in set(STOPPED) - {kind}:
            alarms.close(cursor, earlier, name, now_us=now_us, actor=made.actor)
        alarms.open_alarm(cursor, kind, name, text=text, now_us=now_us, actor=made.actor)
    if made.action in LEAVES:
        for kind in STOPPED:
            alarms.close(cursor, kind, name, now_us=now_us, actor=made.actor)
    if made.action == "kill":
        alarms.close(cursor, "experiment.accepted", name, now_us=now_us, actor=made.actor)
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


def standing_alarms(database: Database) -> StandingAlarms:
    """The number of open and of acknowledged alarms; raises `StoreError`."""
    counts: Counter[str] = Counter()
    for (state, _), count in alarms.counts(database).items():
        counts[state] += count
    return StandingAlarms(open=counts["open"], acknowledged=counts["acknowledged"])


def notice_older_store(database: Database, *, now_us: int) -> None:
    """Open an alarm if the file was replaced by an older copy or a new one; call it before anything is stored.

    A restore by `fairtrial store restore` is no such case, because it appends its own entry. Raises `StoreError`.
    """
    layout = database.layout
    with database.read_cursor() as cursor:
        missing, newest = audit.missing_head(cursor, layout), audit.head(cursor)
        ingested = cursor.value(INGESTED)
    if missing is not None:
        lacks = f"entry {missing} of the audit trail is missing, and the newest one is {newest[0] if newest else 0}"
        text = f"The store is an older copy: {lacks}."
    elif newest is None and not ingested and (layout.plan.exists() or has_requests(layout.journal)):
        text = f"The store is new, but {layout.folder} has records of an earlier one."
    else:
        return
    text += (
        " Later kills, votes, keys and accounts are not in it. Experiments keep the states of the published "
        "configuration, and those that it does not show wait for a person. Check them, or restore a newer backup."
    )
    with database.transaction() as cursor:
        audit.append(cursor, now_us=now_us, actor=CONTROL, action="store.older", subject=str(layout.store))
        alarms.close(cursor, OLDER, None, now_us=now_us, actor=CONTROL)
        alarms.open_alarm(cursor, OLDER, None, text=text, now_us=now_us, actor=CONTROL)


def settle_retirement_alarms(database: Database, plan: Plan, *, now_us: int) -> None:
    """Open, reword and close the alarms of all deployments; raises `StoreError`. An alarm has its deployment's name.

    The text changes only at 90, 30 and 7 days and after the last day, so that it is not recorded anew each day.
    """
    today = today_utc(now_us)
    texts = {retirement.deployment: _alarm(retirement, today) for retirement in retirements(plan, today)}
    for name in alarms.standing_experiments(database) | texts.keys():
        alarms.settle(database, name, texts.get(name, {}), families=(FAMILY,), now_us=now_us, actor=CONTROL)


def _alarm(retirement: Retirement, today: date) -> dict[str, str]:
    name, day, serving = retirement.deployment, retirement.day, retirement.serving
    advice = f"Find a successor (fairtrial migrate {name} NEW --suite FILE)."
    if retirement.is_over(today):
        return {ENDED: f"{name}: its last day was {day} ({retirement.source}); {serving}. {advice}"}
    within = retirement.within(today)
    return {ENDS: f"{name}: its last day is {day}, within {within} days ({retirement.source}); {serving}. {advice}"}

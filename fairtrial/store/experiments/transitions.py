"""Keeps the transitions of experiments, computes the live state from them, and reads what the next step must know."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec

from fairtrial.config.plan.live_state import Live
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.decision.values import KeptAway
from fairtrial.domain.limits.constants import HOUR_US, microseconds
from fairtrial.domain.settings import ExperimentState, KeptControl
from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline, Key
from fairtrial.experiments.lifecycle import ACCEPTED, DECLINED, KEPT, promoted_by
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import ANALYSED, Page, Query, timestamp

LIVE = """
WITH mine AS (
    SELECT *, arg_max(segment, number) OVER (PARTITION BY experiment) AS current
    FROM transitions
    WHERE ($1 IS NULL OR experiment = $1) AND action NOT IN ('archive', 'withdraw')
)
SELECT experiment, arg_max(to_state, number), arg_max(segment, number),
    arg_max(stage, number) FILTER (action = 'stage' AND segment = current),
    arg_max(CASE WHEN action IN ('promote', 'end') THEN coalesce(evidence, '') ELSE '' END, number),
    arg_max(evidence, number) FILTER (action = 'promote' AND segment = current)
FROM mine
GROUP BY experiment
"""
STAGES = """
SELECT action, stage, at_time
FROM transitions
WHERE experiment = $1 AND segment = $2 AND action IN ('approve', 'stage', 'start', 'rearm', 'resume')
ORDER BY number
"""
ENTERED = """
SELECT at_time, experiment, action, from_state, to_state, segment, actor, why, evidence AS evidence_json, plan_hash,
    stage
FROM transitions
WHERE (from_state <> to_state OR action IN ('resume', 'rearm', 'promote', 'rollback'))
    AND ($1 IS NULL OR experiment = $1)
QUALIFY row_number() OVER (PARTITION BY experiment ORDER BY number DESC) = 1
"""
ARCHIVED = """
SELECT experiment FROM transitions
GROUP BY experiment HAVING arg_max(action, number) = 'archive'
"""
LIST = """
SELECT number, at_time, experiment, action, from_state, to_state, segment, actor, why, evidence, plan_hash, stage
FROM transitions
WHERE at_time >= $1 AND at_time < $2 AND experiment = $3
ORDER BY number DESC
LIMIT $4 OFFSET $5
"""
LAST = """
SELECT at_time, experiment, action, from_state, to_state, segment, actor, why, evidence AS evidence_json, plan_hash,
    stage
FROM transitions
WHERE action NOT IN ('archive', 'withdraw')
QUALIFY row_number() OVER (PARTITION BY experiment ORDER BY number DESC) = 1
"""
PROMOTED = "SELECT experiment, arg_max(evidence, number) FROM transitions WHERE action = 'promote' GROUP BY experiment"
CITING = """
WITH citing AS (SELECT * FROM transitions WHERE json_extract_string(evidence, '$.verdict_id') = $1)
SELECT number, at_time, experiment, action, to_state, actor, why, evidence FROM transitions
WHERE number IN (SELECT number FROM citing)
    OR action = 'rollback' AND experiment IN (SELECT experiment FROM citing WHERE action = 'promote')
ORDER BY number
"""
LAST_PERSON = """
SELECT arg_max(actor, number)
FROM transitions
WHERE experiment = $1 AND at_time <= $2 AND regexp_matches(actor, '^(account|local user|key) ')
"""
INTERRUPTIONS = """
SELECT epoch_us(at_time), to_state
FROM transitions
WHERE experiment = $1 AND segment = $2 AND action <> 'rearm'
ORDER BY number
"""
PAUSES = """
SELECT action, evidence
FROM transitions
WHERE experiment = $1 AND segment = $2 AND action IN ('pause', 'resume')
ORDER BY number
"""

SERVED = """
SELECT DISTINCT variant
FROM unit_sums
WHERE experiment = $1 AND list_contains($2::VARCHAR[], analysis_hash) AND first_at >= $3 AND NOT early
"""
KEPT_AWAY = f"""
SELECT variant_assigned, count(*), count(*) FILTER (arm_outcome = 'kept_away' AND breaker = 'open') AS by_breaker,
    count(*) FILTER (arm_outcome = 'kept_away' AND breaker IS DISTINCT FROM 'open') AS by_rest
FROM requests
WHERE at_time >= $1 AND experiment = $2 AND list_contains($3::VARCHAR[], analysis_hash) AND {ANALYSED}
    AND experiment_state = 'running'
GROUP BY variant_assigned HAVING by_breaker + by_rest > 0
ORDER BY variant_assigned
"""  # noqa: S608 - ours
KeptAwayByCause = tuple[tuple[KeptAway, ...], tuple[KeptAway, ...]]
"""Those of breakers, and those of rests."""
PUBLISHED = "SELECT plan_hash, at_time FROM published_plans ORDER BY number DESC LIMIT 1"
ELSEWHERE = """
SELECT count(*)
FROM (SELECT 1 FROM requests WHERE at_time >= $1 AND plan_hash IS DISTINCT FROM $2 AND experiment IS NOT NULL LIMIT 1)
"""
FOLLOW_US = 2_000_000
"""Workers follow a plan within a second; a request that began before may still be on its way."""
RECENT_US = 60_000_000


def append(cursor: Cursor, made: Transition) -> None:
    """Append a transition, with its entry in the audit trail, in the caller's transaction."""
    evidence = None if made.evidence is None else json.dumps(made.evidence, sort_keys=True)
    row = {field.name: getattr(made, field.name) for field in fields(made) if field.name != "at_us"}
    number = cursor.append("transitions", row | {"at_time": timestamp(made.at_us), "evidence": evidence})
    details: dict[str, Any] = {"from": made.from_state, "to": made.to_state, "segment": made.segment, "why": made.why}
    if made.stage is not None:
        details["stage"] = made.stage
    if made.evidence is not None and KEPT in made.evidence:
        control = made.evidence[KEPT]
        details |= {"kept_control": control["share"], "days": control["days"], "until_us": control["until_us"]}
    audit.record_row(
        cursor,
        audit.TRANSITIONS,
        number,
        now_us=made.at_us,
        actor=made.actor,
        action=f"experiment.{made.action}",
        subject=made.experiment,
        details=details,
    )


def state_of(cursor: Cursor, experiment: str, declared: ExperimentState = "running") -> Live:
    """The live state of one experiment, in the caller's transaction; ``declared`` in segment 1 without any row."""
    row = cursor.execute(LIVE, [experiment]).fetchone()
    return Live(state=declared) if row is None else _live(*row[1:])


def entered(cursor: Cursor, experiment: str) -> Transition | None:
    """The transition into the present state of one experiment, in the caller's transaction."""
    return next(iter(cursor.values(Transition, ENTERED, [experiment])), None)


def all_entered(database: Database) -> dict[str, Transition]:
    """The transition into the present state, of every experiment that has one; raises `StoreError`."""
    return {transition.experiment: transition for transition in database.values(Transition, ENTERED, (None,))}


def archived(database: Database) -> frozenset[str]:
    """The experiments that people have hidden; raises `StoreError`."""
    return frozenset(str(name) for (name,) in database.rows(ARCHIVED))


@dataclass(frozen=True, slots=True)
class StageHistory:
    """``since_us``: when the present stage began, ``None`` for the first one. ``approved``: the allowed stages."""

    since_us: int | None
    approved: frozenset[float]


def stage_history(database: Database, experiment: str, segment: int, *, started_us: int) -> StageHistory:
    """The stages and approvals of a segment; raises `StoreError`.

    ``started_us``: when its analysis plan started. Earlier approvals were given to other units, under another salt.
    """
    since_us, approved = None, set()
    for action, stage, at_time in database.rows(STAGES, (experiment, segment)):
        if action == "approve":  # one that accepts units allows no stage
            approved |= {stage} if stage is not None and microseconds(at_time) >= started_us else set()
        else:
            since_us = microseconds(at_time)
    return StageHistory(since_us, frozenset(approved))


def live(database: Database) -> dict[str, Live]:
    """The live state of every experiment that has a transition; raises `StoreError`."""
    rows = database.rows(LIVE, (None,))
    return {row[0]: _live(*row[1:]) for row in rows}


def _live(state: ExperimentState, segment: int, stage: float | None, newest: str, promotion: str | None) -> Live:
    """``newest``: the evidence of the newest transition if it is a promotion or an end; see `promoted_by`.

    ``promotion``: the evidence of the segment's promotion, which may have kept a control.
    """
    evidence, control = json.loads(newest or "{}"), json.loads(promotion or "{}").get(KEPT)
    serves = None if KEPT in evidence else evidence.get("variant")
    return Live(stage, state, segment, serves, None if control is None else msgspec.convert(control, KeptControl))


def last(database: Database) -> dict[str, Transition]:
    """The newest transition of every experiment, apart from archiving and withdrawals; raises `StoreError`."""
    return {transition.experiment: transition for transition in database.values(Transition, LAST)}


def promotions(database: Database) -> dict[str, Mapping[str, Any]]:
    """The evidence of the promotions in force, by experiment; raises `StoreError`."""
    evidence = {
        name: transition.evidence or {}
        for name, transition in last(database).items()
        if promoted_by(transition) is not None
    }
    states = live(database).items()
    with_control = {name for name, current in states if current.kept_control and current.state in ("running", "paused")}
    return evidence | {str(name): json.loads(text) for name, text in database.rows(PROMOTED) if name in with_control}


def kept_promotion(cursor: Cursor, experiment: str) -> dict[str, Any]:
    """The evidence of the newest promotion of one experiment without the kept control, as that of its end."""
    evidence = {str(name): json.loads(text) for name, text in cursor.execute(PROMOTED).fetchall()}
    return {key: value for key, value in evidence[experiment].items() if key != KEPT}


def interruptions(database: Database, experiment: str, segment: int) -> list[Interruption]:
    """When one segment of an experiment did not run, in order; raises `StoreError`."""
    pauses: list[Interruption] = []
    since_us: int | None = None
    for at_us, state in database.rows(INTERRUPTIONS, (experiment, segment)):
        if state != "running":
            since_us = at_us if since_us is None else since_us
        elif since_us is not None:
            pauses.append((since_us, at_us))
            since_us = None
    return pauses if since_us is None else [*pauses, (since_us, None)]


def accepted_declines(database: Database, experiment: str, segment: int) -> dict[Key, AcceptedDecline]:
    """The declines that paused this segment and were accepted by a resume; raises `StoreError`."""
    accepted: dict[Key, AcceptedDecline] = {}
    waiting: tuple[AcceptedDecline, ...] = ()
    for action, text in database.rows(PAUSES, (experiment, segment)):
        evidence = json.loads(text) if text else {}
        if action == "resume":
            known = msgspec.convert(evidence.get(ACCEPTED, waiting), tuple[AcceptedDecline, ...])
            accepted |= {decline.key: decline for decline in known}
        declines = evidence.get(DECLINED, ())
        waiting = tuple(AcceptedDecline(metric=each["metric"], variant=each["variant"]) for each in declines)
    return accepted


def citing(database: Database, verdict_id: str) -> list[dict[str, Any]]:
    """The transitions that name this verdict, and roll-backs of such promotions, oldest first; raises `StoreError`."""
    return database.dicts(Query(CITING, (verdict_id,)))


def last_person(database: Database, experiment: str, *, until_us: int) -> str | None:
    """Who made the experiment's last transition until then, control and its rules aside; ``None`` for nobody."""
    person: str | None = database.value(LAST_PERSON, (experiment, timestamp(until_us)))
    return person


def listing(page: Page, experiment: str) -> Query:
    """One experiment's transitions in a time window, newest first."""
    return Query(LIST, (page.since, page.until, experiment, page.rows, page.offset))


def served_arms(database: Database, experiment: str, hashes: Sequence[str], *, since_us: int) -> frozenset[str]:
    """The arms with requests that were recorded after that time; raises `StoreError`."""
    return frozenset(str(arm) for (arm,) in database.rows(SERVED, (experiment, list(hashes), timestamp(since_us))))


def kept_away(database: Database, plan: AnalysisPlan, hashes: Sequence[str], *, now_us: int) -> KeptAwayByCause:
    """The treatments' requests of the last hour since it runs that breakers kept away, and those that rests did.

    Requests of enrolled units count, while the experiment ran. Raises `StoreError`.
    """
    with database.read_transaction() as cursor:
        into = entered(cursor, plan.experiment)
    since_us = max(now_us - HOUR_US, plan.started_us, 0 if into is None else into.at_us)
    rows = database.rows(KEPT_AWAY, (timestamp(since_us), plan.experiment, list(hashes)))
    arms = [row for row in rows if row[0] in plan.treatments]
    by_breaker = tuple(KeptAway(str(name), int(away), int(count)) for name, count, away, _ in arms if away)
    return by_breaker, tuple(KeptAway(str(name), int(away), int(count)) for name, count, _, away in arms if away)


def workers_follow(database: Database, *, now_us: int) -> bool | None:
    """Whether workers serve by the newest plan; ``None`` if it is too new to tell.

    A request of an experiment that began later and was recorded under another plan shows that a worker does not. Raises
    `StoreError`.
    """
    newest = database.rows(PUBLISHED)
    if not newest:
        return None
    plan_hash, at_time = newest[0]
    since_us = microseconds(at_time) + FOLLOW_US
    if now_us < since_us + FOLLOW_US:
        return None
    return not database.value(ELSEWHERE, (timestamp(max(since_us, now_us - RECENT_US)), plan_hash))

"""Keeps every plan that was published, without secrets, in rows that are only added."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import convert

from fairtrial.api.plans import ServedThen
from fairtrial.config.plan.plan_record import served_routes, with_lineages
from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.errors import BadRequest, NotFound, printable
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query, timestamp

HASH_START = re.compile(r"[0-9a-f]{4,32}")
LIST = """
SELECT number, at_time, plan_hash, actor
FROM published_plans
WHERE at_time >= $1 AND at_time < $2
ORDER BY number DESC
LIMIT $3 OFFSET $4
"""
NEWEST = "SELECT arg_max(plan, number) FROM published_plans"
FIND = """
SELECT arg_min(plan, number), arg_max(plan, number)
FROM published_plans
WHERE starts_with(plan_hash, $1)
GROUP BY plan_hash
ORDER BY plan_hash
LIMIT 2
"""
IN_FORCE = """
WITH numbered AS (
    SELECT number, at_time, plan_hash, actor, lead(at_time) OVER (ORDER BY number) AS until FROM published_plans
)
SELECT n.plan_hash, n.at_time AS since, n.until, n.actor, p.plan
FROM numbered n JOIN published_plans p ON p.number = n.number
WHERE n.at_time <= $1
ORDER BY n.number DESC
LIMIT 1
"""
LAST_ACTOR = "SELECT arg_max_null(actor, number) FROM published_plans WHERE at_time <= $1"
FIRST = "SELECT epoch_us(min(at_time)) FROM published_plans"


Action = Literal["plan.publish", "plan.record"]
"""``plan.record``: the plan was in force already, and the history did not have it in this form."""


def record(
    database: Database,
    plan: Mapping[str, Any],
    *,
    now_us: int,
    actor: str | None,
    action: Action = "plan.publish",
) -> None:
    """Record a publication with its entry in the audit trail.

    ``plan``: as `recorded_plan` returns it; ``actor``: ``None`` for a change of the file.
    """
    plan_hash = plan["plan_hash"]
    text = json.dumps(plan, ensure_ascii=False)
    row = {"at_time": timestamp(now_us), "plan_hash": plan_hash, "actor": actor, "plan": text}
    with database.transaction() as cursor:
        audit.record_row(
            cursor,
            audit.PUBLISHED_PLANS,
            cursor.append("published_plans", row),
            now_us=now_us,
            actor=CONTROL,
            action=action,
            subject=plan_hash,
        )


def newest(database: Database) -> dict[str, Any] | None:
    """The plan that was recorded last; raises `StoreError`."""
    plan: str | None = database.value(NEWEST)
    return None if plan is None else json.loads(plan)


def last_actor(database: Database, *, until_us: int) -> str | None:
    """Who made the last change of the plan until then; ``None`` if it was a change of the file, or nobody is known."""
    actor: str | None = database.value(LAST_ACTOR, (timestamp(until_us),))
    return actor


def listing(page: Page) -> Query:
    """Publications of a time window, newest first, without the plans."""
    return Query(LIST, (page.since, page.until, page.rows, page.offset))


def in_force(database: Database, at_us: int) -> ServedThen:
    """The plan that was in force at a time; raises `NotFound` for a time before the first publication."""
    plans = database.dicts(Query(IN_FORCE, (timestamp(at_us),)))
    if not plans:
        first = database.value(FIRST)
        since = "no configuration is published" if first is None else f"the first one was published at {in_utc(first)}"
        raise NotFound(f"plans: no configuration was in force at {in_utc(at_us)}; {since}", code="plan_not_found")
    plan = json.loads(plans[0].pop("plan"))
    return convert({**plans[0], "routes": served_routes(plan)}, ServedThen)


def in_utc(at_us: int) -> str:
    """A time to the second, such as ``2027-01-15 08:00:00 UTC``."""
    return f"{timestamp(at_us):%Y-%m-%d %H:%M:%S} UTC"


def find(database: Database, start: str) -> dict[str, Any]:
    """The plan whose hash begins with ``start``, as it was recorded first, with the lineages that were recorded last.

    Raises `NotFound`, and `BadRequest` if ``start`` is no hash or fits several plans.
    """
    if not HASH_START.fullmatch(start):
        raise BadRequest(
            f"plans: {printable(start)!r} is not the hash of a configuration (at least 4 of its 32 hexadecimal digits)"
        )
    rows = database.rows(FIND, (start,))
    if not rows:
        raise NotFound(f"plans: no configuration with the hash {start} was published here", code="plan_not_found")
    if len(rows) > 1:
        raise BadRequest(f"plans: several plan hashes begin with {start} (write more digits)")
    first, last = rows[0]
    return with_lineages(json.loads(first), json.loads(last))

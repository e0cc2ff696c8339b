"""Counts what the alarms about units need: how requests name units, and which arms those units had."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from msgspec.structs import replace

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import ANALYSED, Page

MOST_REQUESTS = 2_000_000
"""Requests of the store that are read at most, about; a longer window is cut to the newest ones."""

END = "SELECT coalesce(max(rowid), 0) FROM requests"
TIME_OF = "SELECT epoch_us(at_time) FROM requests WHERE rowid = $1"
KINDS = f"""
SELECT variant_assigned, {ANALYSED} AS analysed, reason, exposed_unit IS NULL AS unnamed,
    variant_served IS DISTINCT FROM variant_assigned AS moved, count(*)
FROM requests
WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND enrolled IS NOT NULL
    AND reason NOT IN ('excluded', 'promoted')
GROUP BY ALL
"""  # noqa: S608 - ours
UNITS = f"""
WITH by_plan AS (
    SELECT analysis_hash, exposed_unit AS unit, count(*) AS requests,
        min(variant_assigned) <> max(variant_assigned) AS several
    FROM requests
    WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED} AND exposed_unit IS NOT NULL
    GROUP BY analysis_hash, exposed_unit
), by_unit AS (
    SELECT unit, sum(requests)::BIGINT AS requests, max(requests) >= 2 AS again, bool_or(several) AS several
    FROM by_plan
    GROUP BY unit
)
SELECT count(*), count(*) FILTER (again), count(*) FILTER (several),
    coalesce(max(requests), 0)
FROM by_unit
"""  # noqa: S608 - ours
"""Only requests under one analysis hash show a unit in two arms, because another plan may assign it anew."""


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """The analysed requests of an assigned arm.

    ``kills`` and ``fallbacks`` are those that a kill or a fallback sent elsewhere. Another arm served the ``moved``
    ones for other reasons.
    """

    requests: int = 0
    kills: int = 0
    fallbacks: int = 0
    moved: int = 0


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """One experiment in a window: requests that it could assign, and the units of those that are analysed.

    ``unnamed``: requests without a unit. ``repeated``: units with two or more requests under one plan; ``in_both``:
    those among them that one plan assigned to several arms. ``largest``: the requests of the unit with the most.
    Times are microseconds since 1970, UTC.
    """

    since_us: int
    until_us: int
    requests: int = 0
    unnamed: int = 0
    analysed: int = 0
    units: int = 0
    repeated: int = 0
    in_both: int = 0
    largest: int = 0
    arms: dict[str, ArmFigures] = field(default_factory=dict)


def unit_figures(database: Database, page: Page, experiment: str) -> UnitFigures:
    """The figures of one experiment in a window; `segment_page` restricts it to a segment. Raises `StoreError`.

    Requests of a paused or ended experiment are left out. Forced and direct ones have no exposure. ``since_us`` of the
    figures is later than that of the window if it has too many requests.
    """
    with database.read_transaction() as cursor:
        page = replace(page, since_us=max(page.since_us, _earliest(cursor)))
        bound = [page.since, page.until, experiment]
        kinds = cursor.execute(KINDS, bound).fetchall()
        units, repeated, in_both, largest = cursor.execute(UNITS, bound).fetchall()[0]
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for arm, analysed, reason, _, moved, count in kinds:
        if analysed:
            counts[arm]["requests"] += count
            counts[arm][_part(reason, moved=moved)] += count
    return UnitFigures(
        since_us=page.since_us,
        until_us=page.until_us,
        requests=sum(row[-1] for row in kinds),
        unnamed=sum(count for *_, unnamed, _, count in kinds if unnamed),
        analysed=sum(arm["requests"] for arm in counts.values()),
        units=units,
        repeated=repeated,
        in_both=in_both,
        largest=largest,
        arms={
            name: ArmFigures(found["requests"], found["kills"], found["fallbacks"], found["moved"])
            for name, found in sorted(counts.items())
        },
    )


def _earliest(cursor: Cursor) -> int:
    """The time of the request after which `MOST_REQUESTS` were stored; 0 if there are fewer."""
    return int(cursor.value(TIME_OF, [cursor.value(END) - MOST_REQUESTS]) or 0)


def _part(reason: str, *, moved: bool) -> str:
    """Which part of an arm's requests one with this reason belongs to."""
    if reason in ("kill", "fallback"):
        return f"{reason}s"
    return "moved" if moved else "served"

"""Reads an experiment's units: how requests name them, which arms they had, and the first arm of each."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import ANALYSED, Page
from fairtrial.store.derived.unit_summaries import PLACED, read_placements

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

MOST_UNITS = 2_000_000
"""The most units that are read. A wrong split shows among the first ones too."""

PLACED_ALIKE = f"""
WITH {PLACED}, alike AS (
    SELECT DISTINCT analysis_hash, unit, assigned, arm_bucket FROM placed WHERE arm_bucket IS NOT NULL
)
SELECT DISTINCT one.analysis_hash, other.analysis_hash
FROM alike AS one
JOIN alike AS other USING (unit, assigned, arm_bucket)
WHERE one.analysis_hash <> other.analysis_hash
"""  # noqa: S608 - ours
HASHES = f"WITH {PLACED} SELECT DISTINCT analysis_hash FROM placed"  # noqa: S608 - ours
FIRST = f"""
WITH {PLACED}, first AS (
    SELECT unit, arg_min(list_position($variants::VARCHAR[], assigned), at_time) AS arm, min(at_time) AS at_time
    FROM placed
    WHERE list_contains($hashes::VARCHAR[], analysis_hash) AND analysed
    GROUP BY unit
)
SELECT (arm - 1)::TINYINT AS arm
FROM first
WHERE arm IS NOT NULL
ORDER BY at_time, unit
LIMIT $most
"""  # noqa: S608 - ours
EARLIER = f"""
WITH {PLACED}
SELECT count(*)
FROM (
    SELECT unit
    FROM placed
    WHERE analysed
    GROUP BY unit
    HAVING bool_and(NOT list_contains($hashes::VARCHAR[], analysis_hash))
)
"""  # noqa: S608 - ours


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
    ``continued``: answers to one unit that requests of another one repeat; they are counted only where it matters.
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
    continued: int = 0
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
            name: ArmFigures(numbers["requests"], numbers["kills"], numbers["fallbacks"], numbers["moved"])
            for name, numbers in sorted(counts.items())
        },
    )


def _earliest(cursor: Cursor) -> int:
    """The time of the request after which `MOST_REQUESTS` were stored; 0 if there are fewer."""
    return int(cursor.value(TIME_OF, [cursor.value(END) - MOST_REQUESTS]) or 0)


def _part(reason: str, *, moved: bool) -> str:
    """The part of an arm's requests to which a request with this reason belongs."""
    if reason in ("kill", "fallback"):
        return f"{reason}s"
    return "moved" if moved else "served"


@dataclass(frozen=True, slots=True)
class FirstAssignments:
    """``arms``: for each unit the index of its arm among the given names, in the order of first requests.

    ``earlier``: units that only splits not known to be this one assigned; they are not among ``arms``. ``more``:
    whether later units exist, which were not read.
    """

    arms: NDArray[np.int8]
    earlier: int
    more: bool = False


def first_assignments(
    database: Database, experiment: str, variants: Sequence[str], *, analysis_hash: str, alone: bool = False
) -> FirstAssignments:
    """The first assignments by the split of one analysis plan, over all time; at most two million units.

    Only enrolled units count, once each, for the arm they were assigned to, whatever served them. Arms that a caller
    forced are left out. A plan with changed metrics or margins has another hash but the same split. Its units count as
    soon as one of them shows by its bucket that the salt is the same. The same salt implies the same shares, because a
    plan can't change one without the other. ``alone``: whether only this hash counts, because a control that is kept
    after a promotion has the salt of an earlier split. A restarted experiment starts empty. Raises `StoreError`.
    """
    with read_placements(database) as (cursor, watermark):
        bound = {"experiment": experiment, "watermark": watermark}
        hashes, others = _one_split(cursor, bound, analysis_hash) if not alone else ([analysis_hash], False)
        parameters = {"hashes": hashes, "variants": list(variants), "most": MOST_UNITS + 1}
        first_arms = cursor.execute(FIRST, bound | parameters).fetchnumpy()["arm"]
        earlier = cursor.execute(EARLIER, bound | {"hashes": hashes}).fetchone() if others else None
    arms = np.asarray(first_arms, dtype=np.int8)
    return FirstAssignments(arms[:MOST_UNITS], int(earlier[0]) if earlier else 0, more=len(arms) > MOST_UNITS)


def _one_split(cursor: Cursor, bound: Mapping[str, object], analysis_hash: str) -> tuple[list[str], bool]:
    """The hashes of analysis plans with the same split, because they share a unit in a bucket.

    Also returns whether there are other plans.
    """
    known = {str(old) for (old,) in cursor.execute(HASHES, bound).fetchall()}
    hashes, new = {analysis_hash}, {analysis_hash}
    if known - hashes:
        pairs = cursor.execute(PLACED_ALIKE, bound).fetchall()
        while new:
            new = {alike for old, alike in pairs if old in new} - hashes
            hashes |= new
    return sorted(hashes), not known <= hashes

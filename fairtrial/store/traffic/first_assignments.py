"""Reads the arm to which each unit was first assigned, in order of time, for the check of the sample ratio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.derived.placements import PLACED, read_placements

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
        asked = {"hashes": hashes, "variants": list(variants), "most": MOST_UNITS + 1}
        found = cursor.execute(FIRST, bound | asked).fetchnumpy()["arm"]
        earlier = cursor.execute(EARLIER, bound | {"hashes": hashes}).fetchone() if others else None
    arms = np.asarray(found, dtype=np.int8)
    return FirstAssignments(arms[:MOST_UNITS], int(earlier[0]) if earlier else 0, more=len(arms) > MOST_UNITS)


def _one_split(cursor: Cursor, bound: Mapping[str, object], analysis_hash: str) -> tuple[list[str], bool]:
    """The hashes of analysis plans with the same split, because they share a unit in a bucket.

    Also returns whether there are other plans.
    """
    known = {str(one) for (one,) in cursor.execute(HASHES, bound).fetchall()}
    found, new = {analysis_hash}, {analysis_hash}
    if known - found:
        pairs = cursor.execute(PLACED_ALIKE, bound).fetchall()
        while new:
            new = {other for one, other in pairs if one in new} - found
            found |= new
    return sorted(found), not known <= found

"""The arm that each unit of an experiment was first assigned to, in the order of time: what a split is checked by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.derived.placements import PLACED, snapshot

MOST_UNITS = 2_000_000
"""Units that are looked at; a split that is wrong is wrong among the first ones too."""

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
    """``arms``: for each unit the index of its arm among the names asked for, in the order of its first request.

    ``earlier``: units that came by no split that is known to be this one, and are not among ``arms``. ``more``: whether
    units came after these, which were not looked at.
    """

    arms: NDArray[np.int8]
    earlier: int
    more: bool = False


def first_assignments(
    database: Database, experiment: str, variants: Sequence[str], *, analysis_hash: str
) -> FirstAssignments:
    """The first assignments by the split of one plan of analysis, from all of its time; at most two million units.

    Only enrolled units, each counted once and for the arm that it was assigned to, whatever served it; arms that a
    caller forced are left out. A plan whose metrics or margins were changed has another hash and still splits alike:
    its units count as soon as one of them shows by its bucket that the salt is the same (and with the salt the
    shares, which a plan can't change without it). An experiment that was started anew begins at nothing. Raises
    `StoreError`.
    """
    with snapshot(database) as (cursor, watermark):
        bound = {"experiment": experiment, "watermark": watermark}
        hashes, others = _one_split(cursor, bound, analysis_hash)
        asked = {"hashes": hashes, "variants": list(variants), "most": MOST_UNITS + 1}
        found = cursor.execute(FIRST, bound | asked).fetchnumpy()["arm"]
        earlier = cursor.execute(EARLIER, bound | {"hashes": hashes}).fetchone() if others else None
    arms = np.asarray(found, dtype=np.int8)
    return FirstAssignments(arms[:MOST_UNITS], int(earlier[0]) if earlier else 0, more=len(arms) > MOST_UNITS)


def _one_split(cursor: Cursor, bound: Mapping[str, object], analysis_hash: str) -> tuple[list[str], bool]:
    """The plans of analysis that place units as this one does: those that share a unit in a bucket, and theirs.

    Also whether there are plans that do not.
    """
    known = {str(one) for (one,) in cursor.execute(HASHES, bound).fetchall()}
    found, new = {analysis_hash}, {analysis_hash}
    if known - found:
        pairs = cursor.execute(PLACED_ALIKE, bound).fetchall()
        while new:
            new = {other for one, other in pairs if one in new} - found
            found |= new
    return sorted(found), not known <= found

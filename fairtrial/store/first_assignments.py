"""The arm that each unit of an experiment was first assigned to, in the order of time: what a split is checked by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairtrial.store.database import Database
from fairtrial.store.query import Query

MOST_UNITS = 2_000_000
"""Units that are looked at; a split that is wrong is wrong among the first ones too."""

PLACED_ALIKE = """
WITH placed AS (
    SELECT DISTINCT analysis_hash, unit, assigned, arm_bucket
    FROM exposures
    WHERE experiment = $1 AND enrolled AND arm_bucket IS NOT NULL
)
SELECT DISTINCT one.analysis_hash, other.analysis_hash
FROM placed AS one
JOIN placed AS other USING (unit, assigned, arm_bucket)
WHERE one.analysis_hash <> other.analysis_hash
"""

FIRST = """
WITH first AS (
    SELECT unit, arg_min(list_position($3::VARCHAR[], assigned), at_time) AS arm, min(at_time) AS at_time
    FROM exposures
    WHERE experiment = $1 AND list_contains($2::VARCHAR[], analysis_hash) AND enrolled
        AND reason IN ('assigned', 'fallback', 'kill', 'continued')
    GROUP BY unit
)
SELECT (arm - 1)::TINYINT AS arm
FROM first
WHERE arm IS NOT NULL
ORDER BY at_time, unit
LIMIT $4
"""

EARLIER = """
SELECT count(*)
FROM (
    SELECT unit
    FROM exposures
    WHERE experiment = $1 AND enrolled AND reason IN ('assigned', 'fallback', 'kill', 'continued')
    GROUP BY unit
    HAVING bool_and(NOT list_contains($2::VARCHAR[], analysis_hash))
)
"""


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
    hashes = _one_split(database, experiment, analysis_hash)
    table = database.arrow(Query(FIRST, (experiment, hashes, list(variants), MOST_UNITS + 1)))
    ((earlier,),) = database.rows(EARLIER, (experiment, hashes))
    arms = table.column("arm").to_numpy().astype(np.int8)
    return FirstAssignments(arms[:MOST_UNITS], int(earlier), more=len(arms) > MOST_UNITS)


def _one_split(database: Database, experiment: str, analysis_hash: str) -> list[str]:
    """The plans of analysis that place units as this one does: those that share a unit in a bucket, and theirs."""
    pairs = database.rows(PLACED_ALIKE, (experiment,))
    found, new = {analysis_hash}, {analysis_hash}
    while new:
        new = {other for one, other in pairs if one in new} - found
        found |= new
    return sorted(found)

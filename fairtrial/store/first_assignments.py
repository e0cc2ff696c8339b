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

FIRST = """
WITH first AS (
    SELECT unit, arg_min(list_position($3::VARCHAR[], assigned), at_time) AS arm, min(at_time) AS at_time
    FROM exposures
    WHERE experiment = $1 AND analysis_hash = $2 AND enrolled AND reason IN ('assigned', 'fallback', 'kill')
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
    WHERE experiment = $1 AND enrolled AND reason IN ('assigned', 'fallback', 'kill')
    GROUP BY unit
    HAVING bool_and(analysis_hash IS DISTINCT FROM $2)
)
"""


@dataclass(frozen=True, slots=True)
class FirstAssignments:
    """``arms``: for each unit the index of its arm among the names asked for, in the order of its first request.

    ``earlier``: units that came under another plan of analysis only, and are not among ``arms``.
    """

    arms: NDArray[np.int8]
    earlier: int


def first_assignments(
    database: Database, experiment: str, variants: Sequence[str], *, analysis_hash: str
) -> FirstAssignments:
    """The first assignments under one frozen plan of analysis, from all of its time; at most two million units.

    Only enrolled units, each counted once and for the arm that it was assigned to, whatever served it; arms that a
    caller forced are left out. The hash covers the variants, the shares and the salt, so that all of ``arms`` are by
    one split, and an experiment that was started anew begins at nothing. Raises `StoreError`.
    """
    table = database.arrow(Query(FIRST, (experiment, analysis_hash, list(variants), MOST_UNITS)))
    ((earlier,),) = database.rows(EARLIER, (experiment, analysis_hash))
    return FirstAssignments(table.column("arm").to_numpy().astype(np.int8), int(earlier))

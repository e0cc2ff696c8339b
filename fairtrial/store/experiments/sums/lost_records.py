"""Reads how many units and requests of each arm were assigned and never stored."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.store.core.database import Cursor

LOST = """
SELECT variant, count(DISTINCT cell), sum(requests)::BIGINT
FROM (
    SELECT variant, unnest(cells) AS cell, unnest(requests) AS requests
    FROM lost_records
    WHERE experiment = $1 AND analysis_hash IN (
        SELECT analysis_hash
        FROM analysis_plans
        WHERE experiment = $1 AND segment = $2 AND CAST(json_extract(plan, '$.from_us') AS BIGINT) = $3
    )
)
GROUP BY variant
"""
"""Since the plan counts units. A unit is counted by its cell, whichever worker lost its records."""


def read_lost(cursor: Cursor, plan: AnalysisPlan) -> Mapping[str, tuple[int, int]]:
    """The lost units and requests of each variant that has any, in the cursor's transaction; raises `duckdb.Error`."""
    if not plan.compares_stored:
        return {}
    rows = cursor.execute(LOST, [plan.experiment, plan.segment, plan.from_us]).fetchall()
    return {str(variant): (int(units), int(requests)) for variant, units, requests in rows}

"""Reads stored looks as pages show them: the series of one metric, and the newest sums and planned looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.limits.constants import microseconds
from fairtrial.experiments.methods.finding import Finding
from fairtrial.experiments.sums import Sums
from fairtrial.store.core.database import Database
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.looks import SAME_UNITS, read_arms

NEWEST = f"""
SELECT at_time, metric, variant, control_units, treatment_units, control_sums, treatment_sums
FROM looks
WHERE plan_number IN ({SAME_UNITS})
QUALIFY number = max(number) OVER ()
"""  # noqa: S608 - ours
SERIES = f"""
WITH numbered AS (
    SELECT number, at_time, variant, control_units, treatment_units, finding, latched,
        row_number() OVER (PARTITION BY variant ORDER BY number DESC) - 1 AS newer,
        count(*) OVER (PARTITION BY variant) AS total
    FROM looks
    WHERE plan_number IN ({SAME_UNITS}) AND metric = $2 AND json_extract(finding, '$.estimate.value') IS NOT NULL
)
SELECT at_time, variant, control_units, treatment_units, finding, latched
FROM numbered
WHERE newer % ((total + $3 - 1) // $3) = 0
ORDER BY number
"""  # noqa: S608 - ours
"""At most $3 looks of each treatment, evenly chosen, with the newest one."""


@dataclass(frozen=True, slots=True)
class ShownLook:
    """One look at one treatment that had an interval. ``units`` are those of the control and the treatment."""

    at_us: int
    variant: str
    units: int
    finding: Finding
    running: Mapping[str, Any]


def newest_sums(database: Database, stored: StoredPlan) -> Sums:
    """The sums of the newest look; arms without units before the first one. Raises `StoreError`."""
    rows = list(database.rows(NEWEST, (stored.number,)))
    at_us = microseconds(rows[0][0]) if rows else stored.at_us
    return Sums(at_us, read_arms(stored.plan, [row[1:] for row in rows]))


def series(database: Database, stored: StoredPlan, metric: str, *, most: int) -> list[ShownLook]:
    """The looks at the units of this plan, oldest first, at most ``most`` for each treatment; raises `StoreError`."""
    return [
        ShownLook(
            microseconds(at_time), variant, control + treatment, read_finding(finding), json.loads(latched)["running"]
        )
        for at_time, variant, control, treatment, finding, latched in database.rows(
            SERIES, (stored.number, metric, most)
        )
    ]


def read_finding(text: str) -> Finding:
    found = json.loads(text)
    kind = Estimate if "value" in found["estimate"] else NotEnough
    known = {field.name for field in fields(Finding)}
    return Finding(**{name: value for name, value in found.items() if name in known} | {
        "estimate": kind(**found["estimate"])
    })  # fmt: skip

"""Reads the traffic of experiments in their current segments, because each segment assigns units anew."""

from __future__ import annotations

from msgspec.structs import replace

from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.traffic import Traffic
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.traffic import traffic

STARTS = """
SELECT experiment, min(at_time)
FROM transitions
WHERE action IN ('rearm', 'resume', 'promote') AND segment > 1 AND ($1 IS NULL OR experiment = $1)
    AND (experiment, segment) IN (SELECT (experiment, max(segment)) FROM transitions GROUP BY experiment)
GROUP BY experiment
"""
"""A re-arm, a resume with another model, and a promotion that keeps a control start a segment."""


def segment_page(database: Database, page: Page, experiment: str) -> Page:
    """The part of the window that is in the current segment of the experiment."""
    return replace(page, since_us=max(page.since_us, _starts(database, experiment).get(experiment, 0)))


def by_variant(database: Database, page: Page, *, experiment: str | None = None) -> list[Traffic]:
    """Traffic as `traffic.by_variant`, from the start of each experiment's current segment at the earliest."""
    starts = _starts(database, experiment)
    found: list[Traffic] = []
    for one in traffic.by_variant(database, page, experiment=experiment):
        since_us = starts.get(one.experiment, 0)
        if since_us <= page.since_us:
            found.append(one)
        else:
            found += traffic.by_variant(database, replace(page, since_us=since_us), experiment=one.experiment)
    return found


def _starts(database: Database, experiment: str | None) -> dict[str, int]:
    """When the current segment of each experiment began; only those that are not in their first one."""
    return {name: microseconds(at_time) for name, at_time in database.rows(STARTS, (experiment,))}

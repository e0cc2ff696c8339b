"""Summarises traffic by experiment, segment and variant: units count for their assigned arm (intention to treat)."""

from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from fairtrial.api.traffic_answers import UnitArrivals
from fairtrial.domain.limits.constants import WEEK_US, microseconds
from fairtrial.domain.store_reports import KeyFeedback, Traffic, VariantTraffic
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, Page, Query, timestamp
from fairtrial.store.derived.unit_summaries import PLACED, read_placements
from fairtrial.store.traffic import summed_traffic
from fairtrial.store.traffic.summed_traffic import Window, window_of

UNITS = f"""
SELECT experiment, variant_assigned, count(DISTINCT exposed_unit)
FROM requests
WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR experiment = $3) AND {ANALYSED}
GROUP BY experiment, variant_assigned
"""  # noqa: S608 - ours
ALL_UNITS = f"""
WITH {PLACED}
SELECT experiment, assigned, count(DISTINCT unit)
FROM placed
WHERE analysed
GROUP BY experiment, assigned
"""  # noqa: S608 - ours

ABOUT_REQUESTS = """
    SELECT subject_experiment AS experiment, subject_arm AS assigned, subject, key, at_time, feedback_id,
        coalesce(boolean::INTEGER::DOUBLE, number) AS value
    FROM feedback
    WHERE at_time >= $since AND attribution = 'request' AND subject_time >= $since AND subject_time < $until
        AND subject_arm IS NOT NULL AND ($experiment IS NULL OR subject_experiment = $experiment)
"""
ABOUT_UNITS = """
    SELECT u.experiment, u.assigned, u.unit, f.key, f.at_time, f.feedback_id,
        coalesce(f.boolean::INTEGER::DOUBLE, f.number)
    FROM feedback f JOIN seen u ON u.unit = f.unit
    WHERE f.at_time >= $since AND f.attribution = 'unit' AND list_contains(f.experiments, u.experiment)
"""
LATEST = """
SELECT experiment, assigned, key, count(*), count(value), avg(value)
FROM (
    SELECT experiment, assigned, key, subject, arg_max(value, (at_time, feedback_id)) AS value
    FROM said
    GROUP BY experiment, assigned, key, subject
)
GROUP BY experiment, assigned, key
ORDER BY experiment, assigned, key
"""
FEEDBACK = f"WITH said AS ({ABOUT_REQUESTS}) {LATEST}"
UNIT_FEEDBACK = f"""
WITH seen AS (
    SELECT DISTINCT experiment, variant_assigned AS assigned, exposed_unit AS unit
    FROM requests
    WHERE at_time >= $since AND at_time < $until AND ($experiment IS NULL OR experiment = $experiment) AND {ANALYSED}
        AND exposed_unit IN (SELECT unit FROM feedback WHERE at_time >= $since AND attribution = 'unit')
), said AS ({ABOUT_REQUESTS} UNION ALL {ABOUT_UNITS}) {LATEST}
"""  # noqa: S608 - ours
HAS_UNIT_FEEDBACK = "SELECT count(*) FROM feedback WHERE at_time >= $1 AND attribution = 'unit'"
"""Only feedback that `attribution` assigned to a request or a unit; the latest value of each counts."""

AMBIGUOUS = """
SELECT experiment, key, count(*)
FROM (
    SELECT unnest(experiments) AS experiment, key
    FROM feedback
    WHERE at_time >= $1 AND at_time < $2 AND attribution = 'ambiguous'
)
WHERE $3 IS NULL OR experiment = $3
GROUP BY experiment, key
ORDER BY experiment, key
"""

STARTS = """
SELECT experiment, min(at_time)
FROM transitions
WHERE action IN ('rearm', 'resume', 'promote') AND segment > 1 AND ($1 IS NULL OR experiment = $1)
    AND (experiment, segment) IN (SELECT (experiment, max(segment)) FROM transitions GROUP BY experiment)
GROUP BY experiment
"""
"""A re-arm, a resume with another model, and a promotion that keeps a control start a segment."""


ARRIVALS = """
SELECT count(DISTINCT coalesce(exposed_unit, unit)) AS both,
    count(DISTINCT coalesce(exposed_unit, unit)) FILTER (at_time >= $2) AS last
FROM requests
WHERE at_time >= $1 AND list_contains($3::VARCHAR[], route)
"""


def arrivals(database: Database, routes: Sequence[str], *, now_us: int) -> UnitArrivals:
    """The units of these routes in the last two weeks, and in the last one, with or without experiments."""
    since = (timestamp(now_us - weeks * WEEK_US) for weeks in (2, 1))
    [arrived] = database.values(UnitArrivals, ARRIVALS, (*since, list(routes)))
    return arrived


def by_variant(database: Database, page: Page, *, experiment: str | None = None) -> list[Traffic]:
    """Traffic of each experiment with requests in the window; raw rates, on enrolled units only."""
    window = window_of(database, page)
    rows = database.dicts(window.variants(experiment))
    feedback, units = _feedback(database, page, experiment), _units(database, page, experiment, window)
    variants: dict[str, list[VariantTraffic]] = defaultdict(list)
    for row in rows:
        arm = row.pop("experiment"), row["variant"]
        for name in ("latency", "ttft"):
            p50, p95, p99 = row.pop(name) or (None, None, None)
            row |= {f"{name}_p50": p50, f"{name}_p95": p95, f"{name}_p99": p99}
        variants[arm[0]].append(VariantTraffic(**row, units=units.get(arm, 0), feedback=feedback.get(arm, {})))
    reasons: dict[str, dict[str, int]] = defaultdict(dict)
    for row in database.dicts(window.reasons(experiment)):
        reasons[row["experiment"]][row["reason"]] = row["requests"]
    ambiguous: dict[str, dict[str, int]] = defaultdict(dict)
    for name, key, count in database.rows(AMBIGUOUS, (page.since, page.until, experiment)):
        ambiguous[name][key] = count
    return [
        Traffic(name, tuple(variants[name]), dict(reasons[name]), dict(ambiguous[name])) for name in sorted(reasons)
    ]


def by_route(database: Database, page: Page) -> Query:
    """What each route and deployment served, with or without experiments."""
    return window_of(database, page).routes(page)


def _units(database: Database, page: Page, experiment: str | None, window: Window) -> dict[tuple[str, str], int]:
    """Units by experiment and variant. Until now, they are known without reading each exposure."""
    if page.is_all_time:
        with read_placements(database) as (cursor, watermark):
            rows = cursor.execute(ALL_UNITS, {"experiment": experiment, "watermark": watermark}).fetchall()
    elif window.is_open:
        rows = database.rows(summed_traffic.UNITS, (page.since, window.watermark, experiment))
    else:
        rows = database.rows(UNITS, (page.since, page.until, experiment))
    return {(name, assigned): count for name, assigned, count in rows}


def _feedback(database: Database, page: Page, experiment: str | None) -> dict[tuple[str, str], dict[str, KeyFeedback]]:
    about_units = database.value(HAS_UNIT_FEEDBACK, (page.since,))
    bound = {"since": page.since, "until": page.until, "experiment": experiment}
    rows = database.rows(UNIT_FEEDBACK if about_units else FEEDBACK, bound)
    feedback: dict[tuple[str, str], dict[str, KeyFeedback]] = defaultdict(dict)
    for name, assigned, key, n, rated, rate in rows:
        feedback[name, assigned][key] = KeyFeedback(n, rated, rate)
    return feedback


def segment_page(database: Database, page: Page, experiment: str) -> Page:
    """The part of the window that is in the current segment of the experiment."""
    return replace(page, since_us=max(page.since_us, _starts(database, experiment).get(experiment, 0)))


def by_variant_in_segments(database: Database, page: Page, *, experiment: str | None = None) -> list[Traffic]:
    """Traffic as `traffic.by_variant`, from the start of each experiment's current segment at the earliest."""
    starts = _starts(database, experiment)
    traffic: list[Traffic] = []
    for row in by_variant(database, page, experiment=experiment):
        since_us = starts.get(row.experiment, 0)
        if since_us <= page.since_us:
            traffic.append(row)
        else:
            traffic += by_variant(database, replace(page, since_us=since_us), experiment=row.experiment)
    return traffic


def _starts(database: Database, experiment: str | None) -> dict[str, int]:
    """When the current segment of each experiment began; only those that are not in their first one."""
    return {name: microseconds(at_time) for name, at_time in database.rows(STARTS, (experiment,))}

"""Counts the units with a bad request, of several experiments with one query, to stop within seconds."""

from collections.abc import Mapping, Sequence

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.store.core.query import timestamp
from fairtrial.store.core.thread_access import Cursor
from fairtrial.store.experiments.sums import unit_groups

WEEKS = "SELECT unnest($experiments) AS experiment, unnest($hashes) AS analysis_hash, unnest($weeks) AS week"
SOURCE = f"""
    SELECT experiment, hash(unit) AS key, variant, first_at, early, {{events}}
    FROM unit_sums JOIN ({WEEKS}) USING (experiment, analysis_hash)
    WHERE list_contains($names::VARCHAR[], experiment) AND (early OR first_at >= week){{hit}}
"""  # noqa: S608 - ours
READ = f"""
WITH hit AS MATERIALIZED (
    SELECT DISTINCT experiment, key FROM ({SOURCE.format(events="", hit=" AND ({hit})")})
), units AS (
    SELECT experiment, arg_min(variant, first_at) AS arm, min(first_at) FILTER (NOT early) AS since, {{counted}}
    FROM ({SOURCE.format(events="{events}", hit="")}) SEMI JOIN hit USING (experiment, key)
    GROUP BY experiment, key
)
SELECT place, arm, count(*)
FROM units JOIN (
    SELECT unnest($of) AS experiment, unnest($places) AS place, unnest($columns) AS name, unnest($since) AS begin
) USING (experiment)
WHERE since >= begin AND CASE name {{values}} END > 0
GROUP BY place, arm
"""  # noqa: S608 - ours
"""As `unit_groups.counted`, for several plans. ``place``: that of a guardrail of one of them.

Only units with a bad request are grouped. What a breaker kept away is no bad request.
"""

Users = dict[str, dict[str, int]]
"""Units by metric, then by variant."""


def read_event_users(cursor: Cursor, plans: Sequence[tuple[AnalysisPlan, Sequence[str]]]) -> list[Users]:
    """The units with an event, by guardrail that counts events. Each plan comes with its analysis hashes.

    Raises `duckdb.Error`.
    """
    guards = [
        (number, plan, metric)
        for number, (plan, _) in enumerate(plans)
        for metric in plan.guardrails
        if metric.counts_requests
    ]
    found: list[Users] = [{} for _ in plans]
    for number, plan, metric in guards:
        found[number][metric.metric] = dict.fromkeys(plan.shares, 0)
    if not guards:
        return found
    columns = [CATALOGUE[metric.metric].over for _, _, metric in guards]
    of_hashes = [(plan, each) for plan, hashes in plans for each in hashes]
    bound: Mapping[str, object] = {
        "names": [plan.experiment for plan, _ in plans],
        "experiments": [plan.experiment for plan, _ in of_hashes],
        "hashes": [each for _, each in of_hashes],
        "weeks": [unit_groups.week_start(plan) for plan, _ in of_hashes],
        "of": [plan.experiment for _, plan, _ in guards],
        "places": list(range(len(guards))),
        "columns": columns,
        "since": [timestamp(max(plan.counts_from_us, metric.from_us)) for _, plan, metric in guards],
    }
    for place, arm, users in cursor.execute(_read(list(dict.fromkeys(columns))), bound).fetchall():
        number, _, metric = guards[place]
        if arm in (of_metric := found[number][metric.metric]):
            of_metric[arm] = int(users)
    return found


def _read(columns: Sequence[str]) -> str:
    return READ.format(
        hit=" OR ".join(f"{name} > 0" for name in columns),
        events="kept_away, " + ", ".join(columns),
        counted=", ".join(f"sum({name}) FILTER (NOT coalesce(kept_away, false)) AS {name}" for name in columns),
        values=" ".join(f"WHEN '{name}' THEN {name}" for name in columns),
    )

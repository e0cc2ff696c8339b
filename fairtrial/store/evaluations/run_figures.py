"""Summarises one run: duration, usage, outcomes, and each metric in each slice of its tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fairtrial.domain.answers.signals import CHARACTERS, SIGNALS
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from fairtrial.store.evaluations.runs import EVENT

USED = """
SELECT count(*) AS results, count(DISTINCT case_id) AS cases, count(*) FILTER (error IS NOT NULL) AS errors,
    count(*) FILTER (cached) AS cached,
    quantile_cont(latency_ms, 0.5) FILTER (error IS NULL AND NOT cached) AS latency_p50,
    quantile_cont(latency_ms, 0.95) FILTER (error IS NULL AND NOT cached) AS latency_p95,
    quantile_cont(latency_ms, 0.99) FILTER (error IS NULL AND NOT cached) AS latency_p99,
    quantile_cont(ttft_ms, 0.5) FILTER (error IS NULL AND NOT cached) AS ttft_p50,
    sum(tokens_in)::BIGINT AS tokens_in, sum(tokens_out)::BIGINT AS tokens_out,
    CASE WHEN bool_and(cost_usd IS NOT NULL OR error IS NOT NULL) THEN sum(cost_usd) END AS cost_usd
FROM results
WHERE run_id = $1
"""

CASE_METRICS = """
SELECT metric
FROM scores
WHERE run_id = $1 AND value IS NOT NULL AND metric <> $3
GROUP BY metric
ORDER BY starts_with(metric, $2), min(rowid)
"""
"""Signals come last, and without the length, which makes no answer right or wrong."""

LEVELS = """
WITH of_case AS (
    SELECT metric, case_id, avg(value) AS mean
    FROM scores
    WHERE run_id = $1 AND starts_with(metric, $2) AND value IS NOT NULL
    GROUP BY metric, case_id
)
SELECT metric, avg(mean) AS mean, count(*) AS cases
FROM of_case
GROUP BY metric
ORDER BY metric
"""
"""The mean of each signal over the cases that have it; repeats of a case count as one."""

SLICES = """
WITH pairs AS (
    SELECT case_id, repeat, unnest(map_entries(tags)) AS entry FROM results WHERE run_id = $1
), tagged AS (
    SELECT case_id, repeat, entry.key AS tag, unnest(string_split(entry.value, $2)) AS value FROM pairs
), few AS (
    SELECT tag FROM tagged GROUP BY tag HAVING count(DISTINCT value) BETWEEN 2 AND $3
)
SELECT t.tag, t.value, s.metric, avg(s.value) AS mean, count(s.value) AS scored, count(*) AS results
FROM tagged t
    JOIN few f ON f.tag = t.tag
    JOIN scores s ON s.run_id = $1 AND s.case_id = t.case_id AND s.repeat = t.repeat
GROUP BY t.tag, t.value, s.metric
ORDER BY t.tag, t.value, s.metric
"""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """``run``: its summary; ``used``: counts, milliseconds, tokens and cost; ``metrics``: those that cases have.

    ``signals``: the mean of each signal, and the number of cases that have it.
    """

    run: dict[str, Any]
    used: dict[str, Any]
    metrics: tuple[str, ...]
    signals: list[dict[str, Any]]


def figures(database: Database, run_id: str) -> RunFigures | None:
    """The summary of one run, or ``None`` if it does not exist. Cached answers have no latency."""
    found: list[dict[str, Any]] = database.values(dict, EVENT, (run_id,))
    if not found:
        return None
    (used,) = database.dicts(Query(USED, (run_id,)))
    bound = (run_id, f"{SIGNALS}.", f"{SIGNALS}.{CHARACTERS}")
    metrics = tuple(str(metric) for (metric,) in database.rows(CASE_METRICS, bound))
    signals = database.dicts(Query(LEVELS, bound[:2]))
    return RunFigures(found[0], used, metrics, signals)


def slices(run_id: str, *, separator: str, most: int) -> Query:
    """Each metric's mean in each slice of a tag. Tags with over ``most`` slices are omitted."""
    return Query(SLICES, (run_id, separator, most))

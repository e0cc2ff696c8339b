"""Reads suite runs: their summaries, and all events from which a run is rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fairtrial.domain.events import CaseResultEvent, RunEvent, ScoreEvent
from fairtrial.domain.run import RunHead, noise_target
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query

SUMMARY = """run_id, at_time, ended_time, suite, suite_digest, target, deployment_digest, fingerprint, seed, repeat,
    status, counts, metrics, versions, plan_hash, model"""

LIST = f"""
SELECT {SUMMARY}
FROM runs
WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR suite = $3) AND ($4 IS NULL OR target = $4)
ORDER BY at_time DESC, run_id DESC
LIMIT $5 OFFSET $6
"""  # noqa: S608 - the columns are a constant

LATEST = """
SELECT arg_max(run_id, ended_time)
FROM runs
WHERE status = 'finished' AND ($1 IS NULL OR suite = $1) AND ($2 IS NULL OR target = $2)
    AND ($3 IS NULL OR suite_digest = $3)
GROUP BY suite, target, suite_digest
ORDER BY max(ended_time) DESC, 1
"""

NOISE_FLOOR = """
SELECT arg_max(run_id, ended_time)
FROM runs
WHERE status = 'finished' AND suite = $1 AND suite_digest = $2 AND target = $3 AND deployment_digest = $4
    AND fingerprint IS NOT DISTINCT FROM $5 AND repeat = $6
"""

EVENT = """
SELECT run_id, at_time, ended_time, suite, suite_digest, target, deployment_digest, fingerprint, seed, repeat, status,
    counts AS counts_json, metrics AS metrics_json, versions AS versions_json, plan_hash, model
FROM runs
WHERE run_id = $1
"""

RESULTS = """
SELECT run_id, case_id, repeat, at_time, outcome, output, error, latency_ms, ttft_ms, tokens_in, tokens_out,
    finish_reason, cached, request_id, coalesce(tags, MAP {}) AS tags, cluster, expected, refusal, fingerprint,
    cost_usd, asked
FROM results
WHERE run_id = $1
ORDER BY rowid
"""

SCORES = """
SELECT run_id, case_id, repeat, at_time, metric, value, label, expected, why, details
FROM scores
WHERE run_id = $1
ORDER BY rowid
"""


@dataclass(frozen=True, slots=True)
class RunEvents:
    """All journaled events of one run, in their order, from which `domain.Run` is rebuilt."""

    run: RunEvent
    results: tuple[CaseResultEvent, ...]
    scores: tuple[ScoreEvent, ...]

    def __iter__(self) -> Iterator[RunEvent | CaseResultEvent | ScoreEvent]:
        yield from self.results
        yield from self.scores
        yield self.run


def listing(page: Page, *, suite: str | None = None, target: str | None = None) -> Query:
    """Summaries of runs that began in a time window, newest first."""
    return Query(LIST, (page.since, page.until, suite, target, page.rows, page.offset))


def latest(
    database: Database, *, suite: str | None = None, target: str | None = None, suite_digest: str | None = None
) -> list[str]:
    """The ids of the newest finished run for each suite, target and suite digest, newest first."""
    return [str(run_id) for (run_id,) in database.rows(LATEST, (suite, target, suite_digest))]


def noise_floor(database: Database, baseline: RunHead | RunEvent) -> str | None:
    """The id of the run in which the same weights answered the baseline's suite again, or ``None``."""
    content = (baseline.suite, baseline.suite_digest, noise_target(baseline.target), baseline.deployment_digest)
    [(run_id,)] = database.rows(NOISE_FLOOR, (*content, baseline.fingerprint, baseline.repeat))
    return None if run_id is None else str(run_id)


def head(database: Database, run_id: str) -> RunEvent | None:
    """One run without its cases, or ``None`` if it does not exist."""
    return next(iter(database.values(RunEvent, EVENT, (run_id,))), None)


def events(database: Database, run_id: str) -> RunEvents | None:
    """All events of one run, or ``None`` if it does not exist."""
    run = head(database, run_id)
    if run is None:
        return None
    return RunEvents(
        run,
        tuple(database.values(CaseResultEvent, RESULTS, (run_id,))),
        tuple(database.values(ScoreEvent, SCORES, (run_id,))),
    )

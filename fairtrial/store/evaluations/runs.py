"""Reads suite runs, as summaries or as events, with the texts of suites, and marks the runs that are kept for good."""

from dataclasses import dataclass
from difflib import get_close_matches

from fairtrial.api.run_answers import RunEvents
from fairtrial.domain.errors import BadRequest, NotFound, existing
from fairtrial.domain.events import CaseResultEvent, RunEvent, ScoreEvent
from fairtrial.domain.run import STATISTICAL_DETAILS, RunHead, noise_target
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query, timestamp

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
    cost_usd, asked, controls
FROM results
WHERE run_id = $1
ORDER BY rowid
"""

SCORES = """
SELECT run_id, case_id, repeat, at_time, metric, value, label, expected, why, details, controls, control_details
FROM scores
WHERE run_id = $1
ORDER BY rowid
"""

SHOWN = 3
"""How many runs an error names."""

BEGINNING = """
SELECT run_id
FROM runs
WHERE starts_with(run_id, $1)
ORDER BY run_id <> $1, at_time DESC, run_id
LIMIT $2
"""

NEWEST_RUN = """
SELECT run_id, status
FROM runs
WHERE suite = $1 AND target = $2
ORDER BY status <> 'finished', ended_time DESC, at_time DESC, run_id DESC
LIMIT 1
"""

IDS = """
SELECT run_id
FROM runs
ORDER BY at_time DESC, run_id DESC
LIMIT 1000
"""

PAIRS = """
SELECT suite || '@' || target
FROM runs
WHERE status = 'finished'
GROUP BY suite, target
ORDER BY max(at_time) DESC
LIMIT 1000
"""

SUITE_TEXTS = """
SELECT suite, suite_digest, text_digest, max(at_time) AS at_time, count(*) AS stored
FROM suite_texts
WHERE ($1 IS NULL OR suite = $1) AND ($2 IS NULL OR suite_digest = $2) AND ($3 IS NULL OR text_digest = $3)
GROUP BY suite, suite_digest, text_digest
HAVING max(at_time) >= $4 AND max(at_time) < $5
ORDER BY at_time DESC, text_digest
LIMIT $6 OFFSET $7
"""

NEWEST_TEXT = """
SELECT text_digest, text
FROM suite_texts
WHERE suite = $1 AND suite_digest = $2 AND ($3 IS NULL OR text_digest = $3)
ORDER BY at_time DESC, text_digest
LIMIT 1
"""

ONE_TEXT = "SELECT text FROM suite_texts WHERE suite_digest = $1 AND text_digest = $2 LIMIT 1"
IS_KEPT = "SELECT count(*) FROM kept_runs WHERE run_id = $1"
NEWEST_KEPT = """
SELECT arg_max(run_id, ended_time)
FROM runs
WHERE run_id IN (SELECT run_id FROM kept_runs) AND status = 'finished' AND ($1 IS NULL OR suite = $1)
    AND ($2 IS NULL OR suite_digest = $2) AND ($3 IS NULL OR target = $3)
"""


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
    results, scores = (
        database.values(CaseResultEvent, RESULTS, (run_id,)),
        database.values(ScoreEvent, SCORES, (run_id,)),
    )
    return RunEvents(run=run, results=results, scores=scores)


def find_run(database: Database, name: str) -> str:
    """The id of the run; raises `NotFound` with similar names, or `BadRequest` if several ids begin so."""
    suite, at, target = name.partition("@")
    return _newest(database, name, suite, target) if at else _beginning(database, name)


def unknown_run(database: Database, name: str) -> NotFound:
    """The error for a run that does not exist, with the ids that are most similar."""
    ids = [str(run_id) for (run_id,) in database.rows(IDS)]
    begun = {run_id[: len(name)]: run_id for run_id in reversed(ids)}
    near = [begun[beginning] for beginning in get_close_matches(name, begun, n=SHOWN, cutoff=0.5)] if name else []
    known = f"nearest: {', '.join(near)}" if near else "the list: fairtrial runs list"
    return NotFound(f"run: there is no run with the id {name!r} ({known})", code="run_not_found")


def _beginning(database: Database, name: str) -> str:
    run_ids = [str(run_id) for (run_id,) in database.rows(BEGINNING, (name, SHOWN + 1))] if name else []
    if not run_ids:
        raise unknown_run(database, name)
    if len(run_ids) > 1 and run_ids[0] != name:
        more = ", …" if len(run_ids) > SHOWN else ""
        raise BadRequest(f"run: more than one id begins with {name!r} ({', '.join(run_ids[:SHOWN])}{more})")
    return run_ids[0]


def _newest(database: Database, name: str, suite: str, target: str) -> str:
    rows = database.rows(NEWEST_RUN, (suite, target))
    if rows and rows[0][1] == "finished":
        return str(rows[0][0])
    if rows:
        known = f"the run {rows[0][0]} was interrupted; to continue it: fairtrial eval SUITE.yaml --on {target}"
    else:
        near = get_close_matches(name, [str(pair) for (pair,) in database.rows(PAIRS)], n=SHOWN, cutoff=0.5)
        known = f"nearest: {', '.join(near)}" if near else f"run it: fairtrial eval SUITE.yaml --on {target}"
    raise NotFound(
        f"{name}: there is no finished run of the suite {suite!r} on {target!r} ({known})", code="run_not_found"
    )


@dataclass(frozen=True, slots=True)
class SuiteText:
    """One text. ``digest`` is its SHA-256, unlike the suite's digest, which does not cover the gate lines."""

    digest: str
    text: str


def suite_texts(
    page: Page, *, suite: str | None = None, suite_digest: str | None = None, text_digest: str | None = None
) -> Query:
    """Each distinct text without its content, with the time it was last stored and how often."""
    window = (page.since, page.until, page.rows, page.offset)
    return Query(SUITE_TEXTS, (suite, suite_digest, text_digest, *window))


def newest_text(database: Database, suite: str, suite_digest: str, text_digest: str | None = None) -> SuiteText | None:
    """The text with this digest, or the latest if none is given; ``None`` if there is none."""
    rows = database.rows(NEWEST_TEXT, (suite, suite_digest, text_digest))
    return SuiteText(str(rows[0][0]), str(rows[0][1])) if rows else None


def find_text(database: Database, suite_digest: str, text_digest: str) -> str | None:
    """The content of one text; ``None`` if it is not stored."""
    text: str | None = database.value(ONE_TEXT, (suite_digest, text_digest))
    return text


_NAMES = ", ".join(f"'{name}'" for name in STATISTICAL_DETAILS)


def _numbers_of(details: str) -> str:
    pairs = ", ".join(f"'{name}', json_extract({details}, '$.{name}')" for name in STATISTICAL_DETAILS)
    return f"json_merge_patch('{{}}', json_object({pairs}))"


HAS_TEXT = (
    f"(why IS NOT NULL OR NOT list_has_all([{_NAMES}], json_keys(CASE WHEN json_valid(details) THEN details END)))"
)
"""Whether a row of `scores` has any text; may be NULL."""

NUMBERS_ONLY = f"CASE WHEN json_valid(details) THEN {_numbers_of('details')}::VARCHAR END"
"""The details without texts."""
CONTROL_NUMBERS_ONLY = (
    f"to_json(list_transform(TRY_CAST(control_details AS JSON[]), lambda given: {_numbers_of('given')}))::VARCHAR"
)
"""The same of the negative controls, whose corpus figures can't be computed from values without details."""


def keep_run(database: Database, run_id: str, *, now_us: int, actor: str) -> None:
    """Keep a run for good, with an entry in the audit trail; raises `NotFound`. Keeping it again changes nothing."""
    existing(head(database, run_id), "run", run_id)
    if is_kept(database, run_id):
        return
    with database.transaction() as cursor:
        cursor.insert("kept_runs", run_id=run_id, at_time=timestamp(now_us), kept_by=actor)
    audit.record(database, now_us=now_us, actor=actor, action="run.keep", subject=run_id)


def is_kept(database: Database, run_id: str) -> bool:
    """Whether the run is kept for good."""
    return bool(database.value(IS_KEPT, (run_id,)))


def newest_kept(database: Database, suite: str | None, suite_digest: str | None, target: str | None) -> str | None:
    """The id of the newest kept run of a suite on a target, or ``None``."""
    [(run_id,)] = database.rows(NEWEST_KEPT, (suite, suite_digest, target))
    return None if run_id is None else str(run_id)

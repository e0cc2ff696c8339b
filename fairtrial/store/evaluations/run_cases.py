"""Reads the cases of one run or of two side by side, and a run's figures: usage, outcomes, and each metric."""

from typing import Any

from msgspec import convert

from fairtrial.api.run_answers import CasePage, CasePair, GradedCase, PairPage, RunFigures, RunUsage, SignalLevel
from fairtrial.api.runs import CasesOf, PairsOf
from fairtrial.domain.answers.signals import CHARACTERS, SIGNALS
from fairtrial.domain.run import StoredRun
from fairtrial.domain.wording import CHANGES, Grade
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query
from fairtrial.store.evaluations.runs import EVENT

DELETED = """({0}.asked IS NULL AND {0}.output IS NULL AND {0}.refusal IS NULL
        AND ({0}.error IS NULL OR {0}.error = '[no longer kept]'))"""
"""Whether retention has deleted the texts of a row. A result of an earlier version lacks only its prompt."""

GRADED_ONE = f"""
WITH graded AS (
    SELECT r.rowid AS place, r.case_id, r.repeat, r.outcome, {DELETED.format("r")} AS texts_deleted,
        CASE WHEN s.value IS NULL THEN 'unscored' WHEN (s.value > 0) = ($3 > 0) THEN 'right' ELSE 'wrong' END AS grade,
        lower(coalesce(r.asked, '') || coalesce(r.output, '') || r.case_id) AS searched
    FROM results r
        LEFT JOIN scores s ON s.run_id = $1 AND s.metric = $2 AND s.case_id = r.case_id AND s.repeat = r.repeat
    WHERE r.run_id = $1
), wanted AS (
    SELECT place, case_id, repeat, grade, texts_deleted
    FROM graded
    WHERE ($4 IS NULL OR case_id = $4) AND ($5 IS NULL OR outcome = $5) AND ($6 IS NULL OR grade = $6)
        AND ($7 IS NULL OR contains(searched, lower($7)))
)
"""  # noqa: S608 - a constant

CASES = f"""{GRADED_ONE}, page AS (
    SELECT * FROM wanted ORDER BY place LIMIT $8 OFFSET $9
), scored AS (
    SELECT s.case_id, s.repeat,
        list({{'metric': s.metric, 'value': s.value, 'label': s.label, 'expected': s.expected, 'why': s.why}}
            ORDER BY s.rowid) AS scores
    FROM scores s JOIN page p ON p.case_id = s.case_id AND p.repeat = s.repeat
    WHERE s.run_id = $1
    GROUP BY s.case_id, s.repeat
)
SELECT p.case_id, p.repeat, p.grade, r.outcome, r.output, r.error, r.refusal, r.latency_ms, r.tokens_out,
    r.finish_reason, r.cached, r.tags, r.expected, r.asked, p.texts_deleted, coalesce(s.scores, []) AS scores
FROM page p
    JOIN results r ON r.run_id = $1 AND r.case_id = p.case_id AND r.repeat = p.repeat
    LEFT JOIN scored s ON s.case_id = p.case_id AND s.repeat = p.repeat
ORDER BY p.place
"""  # noqa: S608 - a constant

COUNT = f"""{GRADED_ONE}
SELECT count(*), (SELECT count(*) FROM graded WHERE texts_deleted) FROM wanted"""  # noqa: S608 - a constant
COUNTED_ONE = f"{GRADED_ONE} SELECT grade, count(*) FROM graded GROUP BY grade"  # noqa: S608 - a constant

GRADED = f"""
WITH graded AS (
    SELECT c.rowid AS place, c.case_id, c.repeat, n.value AS candidate, o.value AS baseline,
        CASE
            WHEN n.value IS NULL OR o.value IS NULL THEN 'unscored'
            WHEN n.value * $4 < o.value * $4 THEN 'lost'
            WHEN n.value * $4 > o.value * $4 THEN 'gained'
            WHEN (n.value > 0) = ($4 > 0) THEN 'same'
            ELSE 'both wrong'
        END AS change,
        {DELETED.format("c")} OR {DELETED.format("b")} AS texts_deleted,
        lower(coalesce(c.asked, '') || coalesce(c.output, '') || coalesce(b.output, '') || c.case_id) AS searched
    FROM results c
        JOIN results b ON b.run_id = $2 AND b.case_id = c.case_id AND b.repeat = c.repeat
        LEFT JOIN scores n ON n.run_id = $1 AND n.metric = $3 AND n.case_id = c.case_id AND n.repeat = c.repeat
        LEFT JOIN scores o ON o.run_id = $2 AND o.metric = $3 AND o.case_id = c.case_id AND o.repeat = c.repeat
    WHERE c.run_id = $1
), wanted AS (
    SELECT *
    FROM graded
    WHERE ($5 IS NULL OR change = $5) AND ($6 IS NULL OR case_id = $6)
        AND ($7 IS NULL OR contains(searched, lower($7)))
)
"""  # noqa: S608 - a constant
COUNTED = f"{GRADED} SELECT change, count(*) FROM graded GROUP BY change"  # noqa: S608 - a constant
MATCHING = f"""{GRADED}
SELECT count(*), (SELECT count(*) FROM graded WHERE texts_deleted) FROM wanted"""  # noqa: S608 - a constant
CHOSEN = f"""{GRADED}
SELECT case_id, repeat, candidate, baseline, change
FROM wanted
ORDER BY place
LIMIT $8 OFFSET $9
"""  # noqa: S608 - a constant
THESE = f"""
SELECT r.case_id, r.repeat, r.outcome, r.output, r.error, r.refusal, r.latency_ms, r.tokens_out, r.cached, r.tags,
    r.expected, r.asked, {DELETED.format("r")} AS texts_deleted,
    (
        SELECT coalesce(list({{'metric': s.metric, 'value': s.value, 'label': s.label, 'expected': s.expected,
            'why': s.why}} ORDER BY s.rowid), [])
        FROM scores s
        WHERE s.run_id = $1 AND s.case_id = r.case_id AND s.repeat = r.repeat
    ) AS scores
FROM results r
WHERE r.run_id = $1 AND list_contains($2::VARCHAR[], r.case_id)
"""  # noqa: S608 - a constant
GRADES: tuple[Grade, ...] = ("right", "wrong", "unscored")
SHARED = ("asked", "expected", "tags")
"""The columns that both sides of a case share."""

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


def cases(database: Database, page: Page, run: CasesOf, metric: str, *, lower: bool) -> CasePage:
    """The cases of the page in the order of the run.

    The grade is by ``metric``: a case is wrong if its score is 0, or above 0 where less is better (``lower``).
    """
    chosen = (run.case, run.outcome, run.grade, run.text)
    bounds = (run.run_id, metric, _sign(lower=lower), *chosen)
    ((total, deleted),) = database.rows(COUNT, bounds)
    counted = dict(database.rows(COUNTED_ONE, bounds))
    return CasePage(
        metric=metric,
        counts={grade: int(counted.get(grade, 0)) for grade in GRADES},
        texts_deleted=int(deleted),
        total=int(total),
        rows=convert(database.dicts(Query(CASES, (*bounds, page.rows, page.offset))), list[GradedCase]),
    )


def pairs(database: Database, page: Page, runs: PairsOf, metric: str, *, lower: bool) -> PairPage:
    """The cases of the page that both runs have; ``lower``: less is better."""
    candidate, baseline = runs.candidate_run, runs.baseline_run
    bounds = (candidate, baseline, metric, _sign(lower=lower), runs.change, runs.case, runs.text)
    counted = dict(database.rows(COUNTED, bounds))
    ((total, deleted),) = database.rows(MATCHING, bounds)
    chosen = database.dicts(Query(CHOSEN, (*bounds, page.rows, page.offset)))
    ids = sorted({row["case_id"] for row in chosen})
    new, old = _sides(database, candidate, ids), _sides(database, baseline, ids)
    rows = [_row(case, new[case["case_id"], case["repeat"]], old[case["case_id"], case["repeat"]]) for case in chosen]
    counts: dict[str, int] = {change: int(counted.get(change, 0)) for change in CHANGES}
    return PairPage(
        metric=metric, counts=counts, texts_deleted=int(deleted), total=int(total), rows=convert(rows, list[CasePair])
    )


def _sign(*, lower: bool) -> float:
    return -1.0 if lower else 1.0


def _sides(database: Database, run_id: str, ids: list[str]) -> dict[tuple[str, int], dict[str, Any]]:
    rows = database.dicts(Query(THESE, (run_id, ids))) if ids else []
    return {(row["case_id"], row["repeat"]): row for row in rows}


def _row(graded: dict[str, Any], new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    place = {"case_id": graded["case_id"], "repeat": graded["repeat"], "change": graded["change"]}
    return place | {name: new[name] for name in SHARED} | {"candidate": new, "baseline": old}


def figures(database: Database, run_id: str) -> RunFigures | None:
    """The summary of one run, or ``None`` if it does not exist. Cached answers have no latency."""
    stored = database.values(StoredRun, EVENT, (run_id,))
    if not stored:
        return None
    (used,) = database.values(RunUsage, USED, (run_id,))
    bound = (run_id, f"{SIGNALS}.", f"{SIGNALS}.{CHARACTERS}")
    metrics = tuple(str(metric) for (metric,) in database.rows(CASE_METRICS, bound))
    signals = database.values(SignalLevel, LEVELS, bound[:2])
    return RunFigures(run=stored[0], used=used, metrics=metrics, signals=signals)


def slices(run_id: str, *, separator: str, most: int) -> Query:
    """Each metric's mean in each slice of a tag. Tags with over ``most`` slices are omitted."""
    return Query(SLICES, (run_id, separator, most))

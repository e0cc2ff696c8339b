"""Lists the cases of one run, or of two runs side by side, in pages: question, answer and scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query

Change = Literal["lost", "gained", "same", "both wrong", "unscored"]
CHANGES: tuple[Change, ...] = ("lost", "gained", "same", "both wrong", "unscored")

CASES = """
WITH page AS (
    SELECT rowid AS place, case_id, repeat, outcome, output, error, refusal, latency_ms, tokens_out, finish_reason,
        cached, tags, expected, asked
    FROM results
    WHERE run_id = $1 AND ($2 IS NULL OR case_id = $2) AND ($3 IS NULL OR outcome = $3)
        AND ($4 IS NULL OR contains(lower(coalesce(asked, '') || coalesce(output, '') || case_id), lower($4)))
    ORDER BY place
    LIMIT $5 OFFSET $6
), scored AS (
    SELECT s.case_id, s.repeat,
        list({'metric': s.metric, 'value': s.value, 'label': s.label, 'expected': s.expected, 'why': s.why}
            ORDER BY s.rowid) AS scores
    FROM scores s JOIN page p ON p.case_id = s.case_id AND p.repeat = s.repeat
    WHERE s.run_id = $1
    GROUP BY s.case_id, s.repeat
)
SELECT p.case_id, p.repeat, p.outcome, p.output, p.error, p.refusal, p.latency_ms, p.tokens_out, p.finish_reason,
    p.cached, p.tags, p.expected, p.asked, coalesce(s.scores, []) AS scores
FROM page p LEFT JOIN scored s ON s.case_id = p.case_id AND s.repeat = p.repeat
ORDER BY p.place
"""

COUNT = """
SELECT count(*)
FROM results
WHERE run_id = $1 AND ($2 IS NULL OR case_id = $2) AND ($3 IS NULL OR outcome = $3)
    AND ($4 IS NULL OR contains(lower(coalesce(asked, '') || coalesce(output, '') || case_id), lower($4)))
"""

GRADED = """
WITH graded AS (
    SELECT c.rowid AS place, c.case_id, c.repeat, n.value AS candidate, o.value AS baseline,
        CASE
            WHEN n.value IS NULL OR o.value IS NULL THEN 'unscored'
            WHEN n.value < o.value THEN 'lost'
            WHEN n.value > o.value THEN 'gained'
            WHEN n.value > 0 THEN 'same'
            ELSE 'both wrong'
        END AS change
    FROM results c
        JOIN results b ON b.run_id = $2 AND b.case_id = c.case_id AND b.repeat = c.repeat
        LEFT JOIN scores n ON n.run_id = $1 AND n.metric = $3 AND n.case_id = c.case_id AND n.repeat = c.repeat
        LEFT JOIN scores o ON o.run_id = $2 AND o.metric = $3 AND o.case_id = c.case_id AND o.repeat = c.repeat
    WHERE c.run_id = $1
)
"""
COUNTED = f"{GRADED} SELECT change, count(*) FROM graded GROUP BY change"  # noqa: S608 - a constant
CHOSEN = f"""{GRADED}
SELECT case_id, repeat, candidate, baseline, change
FROM graded
WHERE ($4 IS NULL OR change = $4) AND ($5 IS NULL OR case_id = $5)
ORDER BY place
LIMIT $6 OFFSET $7
"""  # noqa: S608 - a constant
THESE = """
SELECT r.case_id, r.repeat, r.outcome, r.output, r.error, r.refusal, r.latency_ms, r.tokens_out, r.cached, r.tags,
    r.expected, r.asked,
    (
        SELECT coalesce(list({'metric': s.metric, 'value': s.value, 'label': s.label, 'expected': s.expected,
            'why': s.why} ORDER BY s.rowid), [])
        FROM scores s
        WHERE s.run_id = $1 AND s.case_id = r.case_id AND s.repeat = r.repeat
    ) AS scores
FROM results r
WHERE r.run_id = $1 AND list_contains($2::VARCHAR[], r.case_id)
"""
SHARED = ("asked", "expected", "tags")
"""The columns that both sides of a case share."""


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Selects cases of a run by id, by outcome, or by a text in question, answer or id."""

    case_id: str | None = None
    outcome: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class PairFilter:
    """Selects cases of two runs by id, or by their change in ``metric``, where higher is better."""

    metric: str
    change: Change | None = None
    case_id: str | None = None


def cases(database: Database, page: Page, run_id: str, wanted: CaseFilter) -> dict[str, Any]:
    """``total`` selected cases, and the ``rows`` of the page in the order of the run."""
    bounds = (run_id, wanted.case_id, wanted.outcome, wanted.text)
    ((total,),) = database.rows(COUNT, bounds)
    return {"total": int(total), "rows": database.dicts(Query(CASES, (*bounds, page.rows, page.offset)))}


def pairs(database: Database, page: Page, runs: tuple[str, str], wanted: PairFilter) -> dict[str, Any]:
    """Cases that both runs have. ``runs``: candidate, baseline; ``counts`` by change; ``rows`` of the page."""
    candidate, baseline = runs
    counted = dict(database.rows(COUNTED, (candidate, baseline, wanted.metric)))
    bounds = (candidate, baseline, wanted.metric, wanted.change, wanted.case_id, page.rows, page.offset)
    chosen = database.dicts(Query(CHOSEN, bounds))
    ids = sorted({row["case_id"] for row in chosen})
    new, old = _sides(database, candidate, ids), _sides(database, baseline, ids)
    rows = [_row(one, new[one["case_id"], one["repeat"]], old[one["case_id"], one["repeat"]]) for one in chosen]
    return {"counts": {change: int(counted.get(change, 0)) for change in CHANGES}, "rows": rows}


def _sides(database: Database, run_id: str, ids: list[str]) -> dict[tuple[str, int], dict[str, Any]]:
    found = database.dicts(Query(THESE, (run_id, ids))) if ids else []
    return {(row["case_id"], row["repeat"]): row for row in found}


def _row(graded: dict[str, Any], new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    place = {"case_id": graded["case_id"], "repeat": graded["repeat"], "change": graded["change"]}
    common = {name: new[name] for name in SHARED}
    return place | common | {"candidate": _own(new), "baseline": _own(old)}


def _own(side: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in side.items() if name not in (*SHARED, "case_id", "repeat")}

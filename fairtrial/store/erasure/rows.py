"""Erases a unit's rows: texts are deleted, numbers stay, and names are replaced by random ones.

The rows keep their numbers under a name that is derived from the erasure's salt, and the salt is deleted. So requests
of one unit stay one cluster, and a verdict that used them can be computed again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fairtrial.domain.settings import UnitKind
from fairtrial.store.core.thread_access import Cursor
from fairtrial.store.erasure.tombstones import BODY_PATHS
from fairtrial.store.evaluations.runs import CONTROL_NUMBERS_ONLY, NUMBERS_ONLY
from fairtrial.store.maintenance.backup import TableChange

NAMES = "CREATE OR REPLACE TEMP TABLE gone (name VARCHAR)"
UNITS = "CREATE OR REPLACE TEMP TABLE gone_unit (unit VARCHAR, salt VARCHAR)"
ADD_UNIT = "INSERT INTO temp.gone_unit VALUES (?, ?)"
ADD_KNOWN = "INSERT INTO temp.gone SELECT unnest(?::VARCHAR[])"
ADD_REQUESTS = "INSERT INTO temp.gone SELECT request_id FROM requests WHERE unit = ?"
ADD_EXPOSED = "INSERT INTO temp.gone SELECT request_id FROM requests WHERE exposed_unit = ?"
"""An experiment by conversation exposes another unit than the user whom the request names."""
ADD_EXPOSURES = "INSERT INTO temp.gone SELECT request_id FROM exposures WHERE unit = ?"
NAMED_IN_BODIES = """
WITH named AS (
    SELECT request_id, CASE WHEN json_valid(request_body) THEN json_extract_string(request_body, $paths) END AS names
    FROM payloads
    WHERE contains(request_body, $unit) OR contains(request_body, $escape)
)
SELECT request_id, names FROM named WHERE contains(array_to_string(names, ' '), $unit)
"""
r"""A body may escape the name (``Zo\u00eb``), so one with an escape is decoded before the comparison."""
SHORT_ESCAPES = frozenset('"\\/\b\f\n\r\t')
r"""The letters that JSON may escape by a backslash and one letter, others only by ``\u`` and their number."""
ADD_EVALUATED = """
INSERT INTO temp.gone
SELECT DISTINCT request_id FROM results WHERE request_id IS NOT NULL AND case_id IN (SELECT name FROM temp.gone)
"""
"""A case of a suite from traffic has the id of its request. A run sent it anew, as a request of its own."""
ADD_UNSTORED = """
INSERT INTO temp.gone
SELECT request_id FROM requests
WHERE reason = 'forced' AND unit IS NULL
    AND request_id NOT IN (SELECT request_id FROM results WHERE request_id IS NOT NULL)
    AND (tags['case'] IN (SELECT name FROM temp.gone) OR prompt_digest IN (
        SELECT prompt_digest FROM requests
        WHERE prompt_digest IS NOT NULL AND request_id IN (SELECT name FROM temp.gone)
    ))
"""
"""A probe, or a run that was not stored, sent a case anew without a result: its tag or the prompt's digest shows it."""
ADD_ANSWERS = """
INSERT INTO temp.gone
WITH own AS (
    SELECT DISTINCT response_id FROM requests
    WHERE response_id IS NOT NULL AND request_id IN (SELECT name FROM temp.gone)
)
SELECT response_id
FROM own
WHERE response_id NOT IN (
    SELECT response_id FROM requests
    WHERE response_id IN (SELECT response_id FROM own) AND request_id NOT IN (SELECT name FROM temp.gone)
)
"""
"""Feedback may name an answer by the provider's id. An id that another unit's request shares proves nothing.

The ids are looked up, because grouping all ids of a large store takes too much memory.
"""
ADD_FEEDBACK = """
INSERT INTO temp.gone
SELECT f.feedback_id
FROM feedback f
WHERE f.unit = (SELECT unit FROM temp.gone_unit) OR f.request_id IN (SELECT name FROM temp.gone)
UNION
SELECT f.feedback_id
FROM feedback f JOIN requests r ON r.response_id = {response} AND r.key_id IS NOT DISTINCT FROM f.key_id
    AND r.at_time <= f.at_time
WHERE r.request_id IN (SELECT name FROM temp.gone)
"""
"""Feedback about the unit or one of its requests.

A response id that others share may be the unit's, so its text is erased, because its author may be the unit.
"""
HAS_COLUMN = """
SELECT count(*) FROM duckdb_columns()
WHERE database_name = current_database() AND table_name = ? AND column_name = ?
"""
"""Backups of earlier versions lack some columns, and are searched as they are."""
DIFFERENT = "SELECT DISTINCT name FROM temp.gone WHERE name IS NOT NULL ORDER BY name"
TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'"


_SALT = "(SELECT salt FROM temp.gone_unit)"
_UNIT = "(SELECT unit FROM temp.gone_unit)"
_OF_REQUEST = "coalesce(request_id IN (SELECT name FROM temp.gone), false)"
_OF_UNIT = f"coalesce(unit = {_UNIT}, false)"
_FEEDBACK = "coalesce(feedback_id IN (SELECT name FROM temp.gone), false)"
_OF_CASE = "coalesce(case_id IN (SELECT name FROM temp.gone), false)"
_RESULTS = f"(SELECT * FROM results WHERE {_OF_REQUEST} OR {_OF_CASE})"  # noqa: S608 - ours
_SCORE = f"((run_id, case_id, repeat) IN (SELECT (run_id, case_id, repeat) FROM {_RESULTS}))"  # noqa: S608 - ours
_FROM_RUN = (
    "((queue_id, case_id) IN (SELECT (q.queue_id, r.case_id)"  # noqa: S608 - ours
    f" FROM review_queues q JOIN {_RESULTS} r ON r.run_id IN (q.candidate_run, q.baseline_run)))"
)
_OWN_ITEM = f"({_OF_UNIT} OR {_FROM_RUN})"
_ITEM = f"item_id IN (SELECT item_id FROM review_items WHERE {_OWN_ITEM})"  # noqa: S608 - ours
ERASED = "[erased]"

TOUCHED: Mapping[str, str] = {
    "requests": f"({_OF_REQUEST} OR {_OF_UNIT})",
    "payloads": _OF_REQUEST,
    "shadow_pairs": f"({_OF_REQUEST} OR {_OF_UNIT})",
    "attempts": _OF_REQUEST,
    "exposures": f"({_OF_REQUEST} OR {_OF_UNIT})",
    "feedback": _FEEDBACK,
    "results": f"({_OF_REQUEST} OR {_OF_CASE})",
    "scores": _SCORE,
    "review_items": _OWN_ITEM,
    "review_votes": _ITEM,
    "review_drafts": _ITEM,
    "review_skips": _ITEM,
}
"""The condition that selects a unit's rows in each table."""

OWN_NAMES = f"""
CREATE OR REPLACE TEMP TABLE gone_own AS
SELECT DISTINCT unit FROM exposures WHERE unit_kind = 'request' AND {_OF_REQUEST}
"""  # noqa: S608 - ours
ADD_OWN_NAMES = f"""
INSERT INTO temp.gone_own SELECT DISTINCT exposed_unit FROM requests WHERE unit_kind = 'request' AND {_OF_REQUEST}
"""  # noqa: S608 - ours
OWN_WORDS = f"""
CREATE OR REPLACE TEMP TABLE gone_word AS
WITH own AS (SELECT DISTINCT category FROM feedback WHERE category IS NOT NULL AND {_FEEDBACK})
SELECT category FROM own
EXCEPT SELECT category FROM feedback WHERE category IN (SELECT category FROM own) AND NOT {_FEEDBACK}
"""  # noqa: S608 - ours
"""Collected once, because rows are copied in slices, and each slice would read the whole table again."""


def _fresh(column: str) -> str:
    return f"left(sha256({_SALT} || {column}), 32)"


def _when(touched: str, then: str, column: str) -> str:
    return f"CASE WHEN {touched} THEN {then} ELSE {column} END"


def _columns(*, fresh: str = "", empty: str = "", **given: str) -> dict[str, str]:
    """What replaces the columns of touched rows."""
    columns = {name: _when("touched", _fresh(name), name) for name in fresh.split()}
    columns |= {name: _when("touched", "NULL", name) for name in empty.split()}
    columns |= {name: _when("touched", sql, name) for name, sql in given.items()}
    return columns


def _replaced(column: str) -> dict[str, str]:
    own = f"coalesce({column} IN (SELECT unit FROM temp.gone_own), false)"  # noqa: S608 - ours
    return {column: _when(f"(coalesce({column} = {_UNIT}, false) OR {own})", _fresh(column), column)}


_CASE_COLUMNS = {
    "case_id": f"CASE WHEN {_OF_CASE} THEN {_fresh('case_id')} ELSE case_id END",
    "expected": f"CASE WHEN NOT {_OF_CASE} THEN expected END",
}
_LABEL = {"label": f"CASE WHEN NOT {_OF_CASE} THEN label END"}
"""The reference of a case from traffic is a recorded answer; that of any other case belongs to its suite."""
_REPLACED_UNIT = _replaced("unit")
"""Where each request is its own unit, the unit's pseudonym would reveal the request's old name, so it is replaced."""
_BUCKETS = "enrol_bucket arm_bucket"
_LINKS = "prompt_digest trace_id span_id provider_request_id"
"""What leads to a text: a digest to anyone who guesses the prompt, an id to the records of another system."""

_CHANGED: Mapping[str, TableChange] = {
    "requests": TableChange(
        _columns(fresh="request_id response_id", empty=f"{_BUCKETS} {_LINKS}", tags="MAP {}")
        | _REPLACED_UNIT
        | _replaced("exposed_unit")
    ),
    "payloads": TableChange(where="NOT touched"),
    "shadow_pairs": TableChange(_columns(fresh="request_id copy_id", empty="response_body") | _REPLACED_UNIT),
    "attempts": TableChange(_columns(fresh="request_id", empty="error_message provider_request_id")),
    "exposures": TableChange(_columns(fresh="request_id", empty=_BUCKETS) | _REPLACED_UNIT),
    "feedback": TableChange(
        _columns(
            fresh="feedback_id request_id response_id subject",
            empty="comment correction idempotency_key",
            category="CASE WHEN category NOT IN (SELECT category FROM temp.gone_word) THEN category END",
        )
        | _REPLACED_UNIT
        | _replaced("subject_unit")
    ),
    "results": TableChange(
        _columns(
            fresh="request_id",
            empty="output asked refusal",
            error=f"CASE WHEN error IS NOT NULL THEN '{ERASED}' END",
            **_CASE_COLUMNS,
        )
    ),
    "scores": TableChange(
        _columns(
            details=NUMBERS_ONLY,
            control_details=CONTROL_NUMBERS_ONLY,
            why=f"CASE WHEN why IS NOT NULL THEN '{ERASED}' END",
            **_CASE_COLUMNS,
            **_LABEL,
        )
    ),
    "review_items": TableChange(
        _columns(
            empty="reference",
            case_id=_CASE_COLUMNS["case_id"],
            cluster=f"CASE WHEN {_OF_UNIT} THEN {_fresh('cluster')} ELSE cluster END",
            asked="'[]'",
            candidate_output=f"'{ERASED}'",
            baseline_output=f"'{ERASED}'",
        )
        | _REPLACED_UNIT
    ),
    "review_votes": TableChange(_columns(empty="edited_candidate edited_baseline", comment="''")),
    "review_drafts": TableChange(where="NOT touched"),
    "review_skips": TableChange(_columns(reason="''")),
}
CHANGES: Mapping[str, TableChange] = {
    table: replace(change, touched=TOUCHED[table]) for table, change in _CHANGED.items()
}
"""How the unit's rows are copied. Buckets are removed, because they reveal the unit to anyone with the salt."""
_SENT = f"coalesce(unit IN (SELECT exposed_unit FROM requests WHERE {TOUCHED['requests']}), false)"  # noqa: S608 - ours
COMPUTED: Mapping[str, TableChange] = {
    **dict.fromkeys(("placements", "traffic_sums", "latency_sums", "last_requests"), TableChange(where="false")),
    "recent_turns": TableChange(where=f"NOT {_OF_REQUEST}"),
    "watermarks": TableChange(where="name NOT IN ('placements', 'traffic_sums')"),
    "unit_sums": TableChange(_columns(empty="tags") | _REPLACED_UNIT, touched=_SENT),
}
"""Tables that are computed from others and name units, so they aren't counted.

Rows of `placements` and of the sums by hour are left out and computed again. Sums of units stay under the new name, as
their requests do.
"""


def collect(
    cursor: Cursor, *, pseudonym: str, salt: str, unit: str, kind: UnitKind, known: Sequence[str] = ()
) -> tuple[str, ...]:
    """Find the names of a unit's requests, answers and feedback, including those ``known``; raises `duckdb.Error`.

    The names stay in temporary tables of this cursor, which `TOUCHED` and `CHANGES` query.
    """
    cursor.execute(NAMES)
    cursor.execute(UNITS)
    cursor.execute(ADD_UNIT, [pseudonym, salt])
    cursor.execute(ADD_KNOWN, [[*known, unit] if kind == "request" else list(known)])
    cursor.execute(ADD_REQUESTS, [pseudonym])
    exposed = _has(cursor, "requests", "exposed_unit")
    if exposed:
        cursor.execute(ADD_EXPOSED, [pseudonym])
    cursor.execute(ADD_EXPOSURES, [pseudonym])
    if BODY_PATHS[kind]:
        cursor.execute(ADD_KNOWN, [_named_in_bodies(cursor, unit, kind)])
    cursor.execute(ADD_EVALUATED)
    if _has(cursor, "requests", "prompt_digest"):
        cursor.execute(ADD_UNSTORED)
    cursor.execute(ADD_ANSWERS)
    cursor.execute(ADD_FEEDBACK.format(response=_response_of(cursor)))
    cursor.execute(OWN_NAMES)
    if exposed:
        cursor.execute(ADD_OWN_NAMES)
    cursor.execute(OWN_WORDS)
    return tuple(str(name) for (name,) in cursor.execute(DIFFERENT).fetchall())


def _response_of(cursor: Cursor) -> str:
    """The column with the response id in feedback. Backups of earlier versions have one column for both ids."""
    return "coalesce(f.response_id, f.request_id)" if _has(cursor, "feedback", "response_id") else "f.request_id"


def _has(cursor: Cursor, table: str, column: str) -> bool:
    return bool(cursor.value(HAS_COLUMN, [table, column]))


def _named_in_bodies(cursor: Cursor, unit: str, kind: UnitKind) -> list[str]:
    """Requests whose body names exactly this unit, ignoring surrounding blanks."""
    escape = "\\u" if SHORT_ESCAPES.isdisjoint(unit) else "\\"
    parameters = {"unit": unit, "escape": escape, "paths": list(BODY_PATHS[kind])}
    rows = cursor.execute(NAMED_IN_BODIES, parameters).fetchall()
    return [str(request) for request, names in rows if any(name and name.strip() == unit for name in names)]


def count_rows(cursor: Cursor) -> dict[str, int]:
    """The number of rows of the collected unit in each table, without tables that have none."""
    there = {str(name) for (name,) in cursor.execute(TABLES).fetchall()}
    counts: dict[str, int] = {}
    for table, touched in TOUCHED.items():
        if table in there and (count := cursor.value(f"SELECT count(*) FROM {table} WHERE {touched}")):  # noqa: S608 - ours
            counts[table] = count
    return counts

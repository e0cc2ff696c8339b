"""Reads one run as columns for comparisons: a row for each result, with all its scores and no text."""

import msgspec
import numpy as np
import pyarrow

from fairtrial.domain.run import REPLACEMENTS
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from fairtrial.store.evaluations.runs import head

RUN = b"run"
"""The key of the schema's metadata for the run itself, a `RunEvent` as JSON."""
SCORE, STATE = "score:", "state:"
"""Prefixes of the columns of metrics and of scorers. No other column has a colon."""
NUMBERS = range(1, len(REPLACEMENTS) + 1)
"""The replacements, counted as DuckDB counts the elements of a list."""
SCORED, FAILED = 1, 2
"""A scorer's state in one result: it has scores, or it failed; 0 means that it was not run."""

RESULTS = """
SELECT case_id, outcome, error IS NOT NULL AS failed, cached, coalesce(latency_ms, 'nan'::DOUBLE) AS latency_ms,
    coalesce(tokens_out::DOUBLE, 'nan'::DOUBLE) AS tokens_out, coalesce(cost_usd, 'nan'::DOUBLE) AS cost_usd,
    tags, cluster, coalesce(md5_number_lower(output), 0::UBIGINT) AS answer
FROM results
WHERE run_id = $1
ORDER BY rowid
"""

METRICS = "SELECT metric FROM scores WHERE run_id = $1 GROUP BY metric ORDER BY min(rowid)"

PLACED = """
WITH placed AS (
    SELECT case_id, repeat, (row_number() OVER (ORDER BY rowid) - 1)::INTEGER AS place FROM results WHERE run_id = $1
), numbered AS (
    SELECT metric, (row_number() OVER (ORDER BY min(rowid)) - 1)::INTEGER AS number
    FROM scores
    WHERE run_id = $1
    GROUP BY metric
)
"""
SCORES = f"""{PLACED}
SELECT p.place, n.number, coalesce(s.value, 'nan'::DOUBLE) AS value
FROM scores s
    JOIN placed p ON p.case_id = s.case_id AND p.repeat = s.repeat
    JOIN numbered n ON n.metric = s.metric
WHERE s.run_id = $1
"""  # noqa: S608 - a constant
DETAILS = f"""{PLACED}
SELECT p.place, s.details
FROM scores s JOIN placed p ON p.case_id = s.case_id AND p.repeat = s.repeat
WHERE s.run_id = $1 AND starts_with(s.metric, $2 || '.') AND s.details IS NOT NULL
ORDER BY p.place, s.rowid
"""  # noqa: S608 - a constant
CONTROL_VALUES = f"""{PLACED}
SELECT p.place, n.number, {", ".join(f"coalesce(s.controls[{at}], 'nan'::DOUBLE) AS value{at}" for at in NUMBERS)}
FROM scores s
    JOIN placed p ON p.case_id = s.case_id AND p.repeat = s.repeat
    JOIN numbered n ON n.metric = s.metric
WHERE s.run_id = $1 AND s.controls IS NOT NULL
"""  # noqa: S608 - a constant
CONTROL_OUTCOMES = f"""
SELECT {", ".join(f"controls[{at}] AS outcome{at}" for at in NUMBERS)}
FROM results
WHERE run_id = $1
ORDER BY rowid
"""  # noqa: S608 - a constant
CONTROL_DETAILS = f"""{PLACED}
SELECT p.place, s.control_details AS details
FROM scores s JOIN placed p ON p.case_id = s.case_id AND p.repeat = s.repeat
WHERE s.run_id = $1 AND starts_with(s.metric, $2 || '.') AND s.control_details IS NOT NULL
ORDER BY p.place, s.rowid
"""  # noqa: S608 - a constant


def columns(database: Database, run_id: str) -> pyarrow.Table | None:
    """A row for each result, in the order of the run; ``None`` if there is no run with this id.

    ``answer``: the lower 64 bits of the MD5 of its text, 0 without one. ``score:METRIC`` is a number; the metrics are
    in the order of the run. ``state:SCORER`` is `SCORED`, `FAILED` or 0.
    Times are milliseconds; unknown numbers are NaN. The schema's metadata has the run itself under `RUN`.
    """
    run = head(database, run_id)
    if run is None:
        return None
    table = database.arrow(Query(RESULTS, (run_id,)))
    for name, column in _scores(database, run_id, len(table)).items():
        table = table.append_column(name, _array(column))
    return table.replace_schema_metadata({RUN: msgspec.json.encode(run)})


def details(database: Database, run_id: str, scorer: str) -> pyarrow.Table:
    """``place``, the row in `columns`, and ``details``, JSON, for each result that has details of this scorer."""
    return database.arrow(Query(DETAILS, (run_id, scorer)))


def control_details(database: Database, run_id: str, scorer: str) -> pyarrow.Table:
    """The same of the negative controls: ``details`` is a JSON array, with those of each replacement."""
    return database.arrow(Query(CONTROL_DETAILS, (run_id, scorer)))


def controls(database: Database, run_id: str) -> pyarrow.Table:
    """The negative controls of each result, in the order of `columns`.

    ``outcomeN`` is the outcome of the N-th replacement, null without a donor, and ``METRIC:N`` its value, NaN without
    one.
    """
    table = database.arrow(Query(CONTROL_OUTCOMES, (run_id,)))
    metrics = [str(metric) for (metric,) in database.rows(METRICS, (run_id,))]
    scores = database.arrow(Query(CONTROL_VALUES, (run_id,)))
    place, number = (np.from_dlpack(scores[name].combine_chunks()) for name in ("place", "number"))
    measured = set(number.tolist())
    for at in NUMBERS:
        values = np.full((len(metrics), len(table)), np.nan)
        values[number, place] = np.from_dlpack(scores[f"value{at}"].combine_chunks())
        for metric in measured:
            table = table.append_column(f"{metrics[metric]}:{at}", _array(values[metric]))
    return table


def _array(column: np.ndarray) -> pyarrow.Array:
    """The same memory as an Arrow array. `pyarrow.array` would load pandas to check for its types."""
    kind = pyarrow.float64() if column.dtype == np.float64 else pyarrow.uint8()
    return pyarrow.Array.from_buffers(kind, len(column), [None, pyarrow.py_buffer(np.ascontiguousarray(column))])


def _scores(database: Database, run_id: str, count: int) -> dict[str, np.ndarray]:
    metrics = [str(metric) for (metric,) in database.rows(METRICS, (run_id,))]
    scorers = list(dict.fromkeys(metric.partition(".")[0] for metric in metrics))
    scores = database.arrow(Query(SCORES, (run_id,)))
    place, number = (np.from_dlpack(scores[name].combine_chunks()) for name in ("place", "number"))
    values = np.full((len(metrics), count), np.nan)
    values[number, place] = np.from_dlpack(scores["value"].combine_chunks())
    states = np.zeros((len(scorers), count), dtype=np.uint8)
    of_scorer = np.array([scorers.index(metric.partition(".")[0]) for metric in metrics], dtype=np.intp)
    fails = np.array(["." not in metric for metric in metrics], dtype=bool)
    states[of_scorer[number], place] = SCORED
    failed = fails[number]
    states[of_scorer[number[failed]], place[failed]] = FAILED
    named = {f"{SCORE}{metric}": values[at] for at, metric in enumerate(metrics) if "." in metric}
    return named | {f"{STATE}{scorer}": states[at] for at, scorer in enumerate(scorers)}

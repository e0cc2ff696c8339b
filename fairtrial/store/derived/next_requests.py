"""Finds what each unit did after a request of an experiment: it repeated it, reworded it, or sent nothing more."""

from fairtrial.domain.limits.constants import MINUTE_US
from fairtrial.domain.metrics import FOLLOWED_COLUMNS, UNIT_COLUMNS
from fairtrial.domain.promises import ASKED_AGAIN_US, LEFT_US, SAME_QUESTION
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial.store.derived.unit_summaries import COUNTED, STARTED, SUMS

KNOWN_AFTER_US = LEFT_US + MINUTE_US
"""When the requests within the window are in the store; their records come up to a minute late."""
MOST = 8
"""The following requests of a unit that each request is compared with."""

_SOON = f"later.at_time <= at_time + to_microseconds({ASKED_AGAIN_US})"
_ALIKE = f"2 * len(list_intersect(later.words, words)) >= {SAME_QUESTION} * (len(later.words) + len(words))"
SETTLE = f"""
CREATE OR REPLACE TEMP TABLE followed AS
SELECT request_id, at_time, CASE
        WHEN len(list_filter(following, lambda later: later.prompt = prompt AND NOT later.retried AND {_SOON})) > 0
            THEN 'repeated'
        WHEN len(list_filter(following, lambda later: {_ALIKE} AND {_SOON})) > 0 THEN 'reworded'
        WHEN next_at IS NULL OR next_at > at_time + to_microseconds({LEFT_US}) THEN 'none'
    END AS next_request
FROM (
    SELECT *, lead(at_time) OVER (PARTITION BY experiment, unit ORDER BY at_time, request_id) AS next_at,
        list({{'at_time': at_time, 'prompt': prompt, 'retried': retried, 'words': words}}) OVER (
            PARTITION BY experiment, unit, words IS NULL ORDER BY at_time, request_id
            ROWS BETWEEN 1 FOLLOWING AND {MOST} FOLLOWING
        ) AS following
    FROM recent_turns
)
WHERE at_time < make_timestamp($1)
"""  # noqa: S608 - ours
"""Requests that end with a question are compared with those that do, because an agent's steps lie between them."""
DUE = "SELECT count(*) FROM (SELECT 1 FROM recent_turns WHERE at_time < make_timestamp($1) LIMIT 1)"
MARK = """
UPDATE requests SET next_request = followed.next_request
FROM temp.followed AS followed
WHERE requests.request_id = followed.request_id AND followed.next_request IS NOT NULL
    AND requests.at_time >= (SELECT min(at_time) FROM temp.followed)
"""
_VALUES = ", ".join(f"({UNIT_COLUMNS[name]})" if name in FOLLOWED_COLUMNS else "0" for name in UNIT_COLUMNS)
ADD = f"""
INSERT INTO unit_sums
SELECT experiment, analysis_hash, variant_assigned, exposed_unit, false, any_value(at_time), {_VALUES}, false, false,
    NULL
FROM requests LEFT JOIN ({STARTED}) USING (experiment, analysis_hash)
WHERE requests.rowid < $1 AND at_time >= (SELECT min(at_time) FROM temp.followed)
    AND request_id IN (SELECT request_id FROM temp.followed WHERE next_request IS NOT NULL)
    AND {COUNTED} AND experiment_state = 'running' AND at_time >= started_at
    AND arm_outcome IS DISTINCT FROM 'kept_away'
GROUP BY experiment, analysis_hash, variant_assigned, exposed_unit, request_id
RETURNING experiment
"""  # noqa: S608 - ours
"""What the requests that are already summed add; the others are summed with it. Rows of `unit_sums` are increments."""
FORGET = "DELETE FROM recent_turns WHERE at_time < make_timestamp($1)"


def settle(database: Database, *, now_us: int) -> None:
    """Store what followed each request of half an hour ago, in one transaction. Raises `duckdb.Error`.

    Every request until then must be in the store. A following request may be of any arm and have any outcome.
    """
    until_us = max(0, now_us - KNOWN_AFTER_US)
    if not database.value(DUE, [until_us]):
        return
    with database.changes.about(), database.transaction() as cursor:
        cursor.execute(SETTLE, [until_us])
        cursor.execute(MARK)
        summed = named_values.read_position(cursor, SUMS)
        database.changes.add({str(name) for (name,) in cursor.execute(ADD, [summed]).fetchall()})
        cursor.execute(FORGET, [until_us])
        cursor.execute("DROP TABLE temp.followed")

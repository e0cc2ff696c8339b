"""Draws recorded exchanges of one deployment as cases: each prompt once, in proportion by route and week."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.store.core.query import Query

LARGEST_BODY = 1 << 18
"""Characters of a body that may become a case."""
SAMPLE = """
WITH usable AS (
    SELECT request_id
    FROM payloads
    WHERE length(request_body) <= $4 AND length(response_body) <= $4 AND json_valid(request_body)
        AND json_type(request_body, '$.messages') = 'ARRAY'
        AND coalesce(json_type(request_body, '$.tools'), 'NULL') = 'NULL'
), asked AS (
    SELECT request_id, at_time, route, date_trunc('week', at_time)::DATE::VARCHAR AS week,
        coalesce(prompt_digest, request_id) AS prompt
    FROM requests SEMI JOIN usable USING (request_id)
    WHERE deployment = $1 AND list_contains($2::VARCHAR[], route) AND endpoint = 'chat.completions'
        AND reason <> 'forced' AND arm_outcome = 'answered'
), prompts AS (
    SELECT *, count(*) OVER (PARTITION BY prompt) AS requests
    FROM asked
    QUALIFY row_number() OVER (PARTITION BY prompt ORDER BY at_time DESC, request_id) = 1
), placed AS (
    SELECT *,
        (row_number() OVER (PARTITION BY route, week ORDER BY sha256(request_id)) - 0.5)
            / count(*) OVER (PARTITION BY route, week) AS place
    FROM prompts
), drawn AS (
    SELECT * FROM placed ORDER BY place, route, week, request_id LIMIT $3
)
SELECT request_id, route, week, requests, request_body, response_body
FROM drawn JOIN payloads USING (request_id)
ORDER BY request_id
"""
"""The place of a prompt among those of its route and week, from 0 to 1: the lowest places are a proportional sample."""


def sample(deployment: str, routes: Sequence[str], count: int) -> Query:
    """At most so many requests that the deployment answered, each prompt by its newest request.

    Requests with tools are left out, because a suite does not run tools.
    """
    return Query(SAMPLE, (deployment, list(routes), count, LARGEST_BODY))

"""Finds the recorded requests that can be cases of a suite, draws a sample, and counts why others can't be."""

from collections.abc import Sequence

from fairtrial.api.traffic import LeftOutRequests
from fairtrial.domain.accounts import INTERNAL_KEY
from fairtrial.domain.limits.constants import CHAT_COMPLETIONS, RESPONSES
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query

LARGEST_BODY = 1 << 18
"""Characters of a body that may become a case."""

PARTS = "'text', 'input_text', 'output_text'"
"""The parts of a message of the Responses API that a suite can hold."""

UNFIT = f"""CASE
    WHEN request_body IS NULL OR response_body IS NULL OR length(request_body) > $3
        OR length(response_body) > $3 THEN 'too_large'
    WHEN NOT json_valid(request_body) OR NOT json_valid(response_body) THEN 'no_question'
    WHEN coalesce(json_type(request_body, '$.tools'), 'NULL') <> 'NULL'
        OR list_contains(json_extract_string(request_body, '$.messages[*].role'), 'tool') THEN 'tools'
    WHEN coalesce(TRY_CAST(json_extract_string(request_body, '$.n') AS INTEGER), 1) <> 1 THEN 'choices'
    WHEN json_extract_string(request_body, '$.previous_response_id') IS NOT NULL
        OR json_extract_string(request_body, '$.conversation') IS NOT NULL THEN 'continued'
    WHEN NOT coalesce(
        CASE
            WHEN json_type(request_body, '$.messages') = 'ARRAY'
            THEN json_extract_string(request_body, '$.messages[#-1].role') <> 'assistant'
            WHEN json_type(request_body, '$.input') = 'ARRAY'
            THEN json_extract_string(request_body, '$.input[#-1].role') <> 'assistant'
                AND len(json_extract(request_body, '$.input[*].role')) = json_array_length(request_body, '$.input')
                AND NOT list_bool_or(list_transform(
                    json_extract_string(request_body, '$.input[*].content[*].type'), lambda kind: kind NOT IN ({PARTS})
                ))
            ELSE json_type(request_body, '$.input') = 'VARCHAR'
        END, false) THEN 'no_question'
    WHEN (json_type(response_body, '$.choices[0].message.content') = 'VARCHAR'
            AND json_extract_string(response_body, '$.choices[0].message.content') <> '')
        OR list_bool_or(list_transform(
            json_extract_string(response_body, '$.output[*].content[*].text'), lambda part: part <> ''
        )) THEN NULL
    ELSE 'no_text'
END"""
"""Why a body can't be a case, by the names of `fairtrial.api.traffic.LEFT_OUT`; ``NULL`` if it can."""

FROM_SUITES = f"(reason = 'forced' OR key_id IN (SELECT key_id FROM keys WHERE name = '{INTERNAL_KEY}'))"  # noqa: S608
"""Whether a suite sent a request, and no application."""

RECORDED = f"""
WITH texts AS (
    SELECT request_id, true AS captured, {UNFIT} AS unfit FROM payloads
), recorded AS (
    SELECT request_id, at_time, route, date_trunc('week', at_time)::DATE::VARCHAR AS week,
        coalesce(prompt_digest, request_id) AS prompt,
        CASE
            WHEN {FROM_SUITES} THEN 'suites'
            WHEN NOT list_contains($2::VARCHAR[], route) THEN 'other_route'
            WHEN endpoint NOT IN ('{CHAT_COMPLETIONS}', '{RESPONSES}') THEN 'other_endpoint'
            WHEN arm_outcome <> 'answered' THEN 'error'
            WHEN captured THEN unfit
            WHEN capture IN ('none', 'failed') THEN 'not_captured'
            WHEN prompt_digest IS NULL THEN 'erased'
            ELSE 'too_large'
        END AS left_out
    FROM requests LEFT JOIN texts USING (request_id)
    WHERE deployment = $1
)"""  # noqa: S608 - constants
"""The bodies are judged while they are read, so that only their verdicts are joined.

An erasure and retention delete the texts of a request, and the digest of its prompt with them.
"""

FROM_APPLICATION = f"SELECT 1 FROM requests WHERE NOT coalesce({FROM_SUITES}, false) LIMIT 1"  # noqa: S608 - constants

SAMPLE = f"""{RECORDED}, prompts AS (
    SELECT *, count(*) OVER (PARTITION BY prompt) AS requests
    FROM recorded
    WHERE left_out IS NULL
    QUALIFY row_number() OVER (PARTITION BY prompt ORDER BY at_time DESC, request_id) = 1
), placed AS (
    SELECT *,
        (row_number() OVER (PARTITION BY route, week ORDER BY sha256(request_id)) - 0.5)
            / count(*) OVER (PARTITION BY route, week) AS place
    FROM prompts
), drawn AS (
    SELECT * FROM placed ORDER BY place, route, week, request_id LIMIT $4
)
SELECT request_id, route, week, requests, request_body, response_body
FROM drawn JOIN payloads USING (request_id)
ORDER BY request_id
"""  # noqa: S608 - ours
"""The place of a prompt among those of its route and week, from 0 to 1: the lowest places are a proportional sample."""

COUNTS = f"""{RECORDED}
SELECT left_out, count(*) AS requests
FROM recorded
WHERE left_out IS NOT NULL
GROUP BY left_out
ORDER BY requests DESC, left_out
"""  # noqa: S608 - ours


def sample(deployment: str, routes: Sequence[str], count: int) -> Query:
    """At most so many requests that the deployment answered, each prompt by its newest request."""
    return Query(SAMPLE, (deployment, list(routes), LARGEST_BODY, count))


def left_out(database: Database, deployment: str, routes: Sequence[str]) -> list[LeftOutRequests]:
    """How many requests of the deployment can't be cases, by reason."""
    return database.values(LeftOutRequests, COUNTS, (deployment, list(routes), LARGEST_BODY))


def is_sent_by_applications(database: Database) -> bool:
    """Whether the store has a request that no suite sent."""
    return bool(database.rows(FROM_APPLICATION))

"""Reads what the recorded answers of each variant show without being asked: refusals, format, length, and samples."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, Page, Query

LARGEST_BODY = 1 << 16
"""Characters of a body that is read as a sample."""

COUNTS = f"""
SELECT variant_assigned AS variant, count(*) AS answered,
    count(*) FILTER (refused IS NOT NULL OR refused_by_text IS NOT NULL) AS refusal_known,
    count(*) FILTER (refused OR refused_by_text) AS refused,
    count(schema_valid) AS format_checked, count(*) FILTER (schema_valid) AS format_valid,
    count(tokens_out) AS tokens_known, avg(tokens_out) AS tokens_mean
FROM requests
WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED} AND arm_outcome = 'answered'
GROUP BY variant_assigned
ORDER BY variant_assigned
"""  # noqa: S608 - ours

SAMPLES = f"""
WITH newest AS (
    SELECT request_id, variant_assigned AS variant
    FROM requests SEMI JOIN (
        SELECT request_id FROM payloads
        WHERE at_time >= $1 AND at_time < $2 AND length(request_body) <= $5 AND length(response_body) <= $5
    ) USING (request_id)
    WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED} AND arm_outcome = 'answered'
    QUALIFY row_number() OVER (PARTITION BY variant_assigned ORDER BY at_time DESC, request_id) <= $4
)
SELECT variant, request_body, response_body
FROM payloads JOIN newest USING (request_id)
WHERE at_time >= $1 AND at_time < $2
"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class VariantSignals:
    """One variant's answers. Each count has its own denominator, because not every answer can be measured."""

    variant: str
    answered: int
    refusal_known: int
    refused: int
    format_checked: int
    format_valid: int
    tokens_known: int
    tokens_mean: float | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and its answer, as JSON texts after redaction."""

    variant: str
    request: str
    response: str


def by_variant(database: Database, page: Page, experiment: str) -> list[VariantSignals]:
    """The signals that the gateway recorded of each variant's answers, on enrolled units only."""
    rows = database.dicts(Query(COUNTS, (page.since, page.until, experiment)))
    return [VariantSignals(**row) for row in rows]


def samples(database: Database, page: Page, experiment: str, *, most: int) -> list[Exchange]:
    """The newest exchanges of each variant that were recorded with both bodies, at most ``most`` of each."""
    rows = database.rows(SAMPLES, (page.since, page.until, experiment, most, LARGEST_BODY))
    return [Exchange(str(variant), str(request), str(response)) for variant, request, response in rows]

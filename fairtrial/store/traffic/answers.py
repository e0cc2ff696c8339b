"""Reads which models answered for each variant, and the signals of their answers, such as refusals."""

from collections.abc import Iterable
from dataclasses import dataclass

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import ANALYSED, Page, Query, timestamp

FIRST, LAST = 100, 50
"""How many of the first and of the newest answers of a variant are read."""

Pair = tuple[str | None, str | None]
"""The model and the fingerprint that an answer names; ``None`` is what it does not name."""

ANSWERED = """
SELECT model_served, system_fingerprint
FROM requests
WHERE at_time >= $1 AND experiment = $2 AND variant_assigned = $3 AND variant_served = $3 AND arm_outcome = 'answered'
"""
EARLIEST = f"{ANSWERED} ORDER BY at_time, request_id LIMIT $4"
NEWEST = f"{ANSWERED} ORDER BY at_time DESC, request_id DESC LIMIT $4"
"""A row limit with an order by time lets the engine skip all row groups outside the times that it has found."""

EXCLUDED = "SELECT arg_max(reason, at_time) = 'excluded' FROM requests WHERE experiment = $1"
FINGERPRINTS = """
SELECT system_fingerprint
FROM requests
WHERE at_time >= $2 AND deployment = $1 AND system_fingerprint IS NOT NULL
ORDER BY at_time DESC, request_id DESC
LIMIT $3
"""

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
    SELECT request_id, variant_assigned AS variant, exposed_unit
    FROM requests SEMI JOIN (
        SELECT request_id FROM payloads
        WHERE at_time >= $1 AND at_time < $2 AND length(request_body) <= $5 AND length(response_body) <= $5
    ) USING (request_id)
    WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED} AND arm_outcome = 'answered'
    QUALIFY row_number() OVER (PARTITION BY variant_assigned ORDER BY at_time DESC, request_id) <= $4
), asked AS (
    SELECT exposed_unit, count(*) AS requests
    FROM requests SEMI JOIN newest USING (exposed_unit)
    WHERE at_time < $2 AND experiment = $3
    GROUP BY exposed_unit
)
SELECT variant, request_body, response_body, exposed_unit, coalesce(requests, 0)
FROM payloads JOIN newest USING (request_id) LEFT JOIN asked USING (exposed_unit)
WHERE at_time >= $1 AND at_time < $2
"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class ServedModels:
    """The pairs of one variant's first answers, in their order, and those of its newest answers, newest first."""

    first: tuple[Pair, ...]
    last: tuple[Pair, ...]


def served_models(
    database: Database, experiment: str, variants: Iterable[str], *, since_us: int
) -> dict[str, ServedModels]:
    """The models that answered for each variant since ``since_us``, where the assigned arm itself answered.

    Raises `StoreError`.
    """
    with database.read_transaction() as cursor:
        return {name: _of(cursor, experiment, name, since_us) for name in variants}


def newest_fingerprints(database: Database, deployment: str, *, since_us: int) -> tuple[str, ...]:
    """The fingerprints of the weights in a deployment's newest answers, newest first; raises `StoreError`.

    Answers that name none are left out, and so are those from before ``since_us``.
    """
    return tuple(name for (name,) in database.rows(FINGERPRINTS, (deployment, timestamp(since_us), LAST)))


def _of(cursor: Cursor, experiment: str, variant: str, since_us: int) -> ServedModels:
    bound = [timestamp(since_us), experiment, variant]
    first = cursor.execute(EARLIEST, [*bound, FIRST]).fetchall()
    last = cursor.execute(NEWEST, [*bound, LAST]).fetchall()
    return ServedModels(tuple(first), tuple(last))


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
    """One recorded request and its answer, as JSON texts after redaction; ``requests``: all those of its unit."""

    variant: str
    request: str
    response: str
    unit: str | None = None
    requests: int = 0


def by_variant(database: Database, page: Page, experiment: str) -> list[VariantSignals]:
    """The signals that the gateway recorded of each variant's answers, on enrolled units only."""
    rows = database.dicts(Query(COUNTS, (page.since, page.until, experiment)))
    return [VariantSignals(**row) for row in rows]


def samples(database: Database, page: Page, experiment: str, *, most: int) -> list[Exchange]:
    """The newest exchanges of each variant that were recorded with both bodies, at most ``most`` of each."""
    rows = database.rows(SAMPLES, (page.since, page.until, experiment, most, LARGEST_BODY))
    return [Exchange(*row) for row in rows]


def was_excluded(cursor: Cursor, experiment: str) -> bool:
    """Whether the newest record of an ended experiment says that its control served, in the caller's transaction."""
    return bool(cursor.value(EXCLUDED, [experiment]))

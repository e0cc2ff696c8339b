"""Reads which models answered for each variant of an experiment: first since a time, and newest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp

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

FINGERPRINTS = """
SELECT system_fingerprint
FROM requests
WHERE at_time >= $2 AND deployment = $1 AND system_fingerprint IS NOT NULL
ORDER BY at_time DESC, request_id DESC
LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class ServedModels:
    """The pairs of one variant's first answers, in their order, and those of its newest answers, newest first."""

    first: tuple[Pair, ...]
    last: tuple[Pair, ...]


def served_models(
    database: Database, experiment: str, variants: Iterable[str], *, since_us: int
) -> dict[str, ServedModels]:
    """What answered for each variant since ``since_us``, from requests that the assigned arm itself answered.

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

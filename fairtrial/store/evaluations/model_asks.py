"""Stores the daily asks of deployments, and finds the present series and the last change of a definition."""

import msgspec

from fairtrial.domain.verdicts.model_ask import ModelAsk
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp

SERIES = """
SELECT ask FROM model_asks
WHERE deployment_digest = $1 AND at_time > coalesce(
    (SELECT max(at_time) FROM model_asks WHERE deployment_digest = $1 AND changed_since IS NOT NULL), '1970-01-01')
ORDER BY at_time, rowid
"""
CHANGED = """
SELECT ask FROM model_asks
WHERE deployment_digest = $1 AND changed_since IS NOT NULL
ORDER BY at_time DESC, rowid DESC
LIMIT 1
"""


def save(database: Database, ask: ModelAsk, *, actor: str, now_us: int) -> None:
    """Add an ask. One that establishes a change gets an entry in the audit trail."""
    with database.transaction() as cursor:
        cursor.insert(
            "model_asks",
            deployment=ask.deployment,
            deployment_digest=ask.deployment_digest,
            at_time=timestamp(ask.asked_us),
            score=ask.score,
            changed_since=None if ask.changed_us is None else timestamp(ask.changed_us),
            ask=msgspec.json.encode(ask).decode(),
        )
    if ask.changed_us is not None:
        audit.record(database, now_us=now_us, actor=actor, action="model.changed", subject=ask.deployment, details={})


def series(database: Database, deployment_digest: str) -> list[ModelAsk]:
    """The asks of a definition since its last change, oldest first; raises `StoreError`."""
    return [msgspec.json.decode(row, type=ModelAsk) for (row,) in database.rows(SERIES, (deployment_digest,))]


def last_change(database: Database, deployment_digest: str) -> ModelAsk | None:
    """The newest ask that established another model behind a definition, ``None`` without one."""
    rows = database.rows(CHANGED, (deployment_digest,))
    return msgspec.json.decode(rows[0][0], type=ModelAsk) if rows else None

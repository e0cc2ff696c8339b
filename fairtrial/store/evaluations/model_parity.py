"""Stores whether deployments serve what was trained, and finds the newest result for a definition."""

import msgspec

from fairtrial.domain.verdicts.model_parity import ModelParity
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp

NEWEST = "SELECT result FROM model_parity WHERE deployment_digest = $1 ORDER BY at_time DESC, rowid DESC LIMIT 1"


def save(database: Database, result: ModelParity, *, actor: str, now_us: int) -> None:
    """Add a result, with its entry in the audit trail."""
    with database.transaction() as cursor:
        cursor.insert(
            "model_parity",
            deployment=result.deployment,
            deployment_digest=result.deployment_digest,
            file_digest=result.file_digest,
            at_time=timestamp(result.asked_us),
            answer=result.answer,
            cause=result.cause,
            result=msgspec.json.encode(result).decode(),
        )
    details = {"answer": result.answer, "cause": result.cause, "file": result.file_digest}
    subject = result.deployment
    audit.record(database, now_us=now_us, actor=actor, action="model.compared", subject=subject, details=details)


def newest(database: Database, deployment_digest: str) -> ModelParity | None:
    """The newest result for a definition, of any file, ``None`` if there is none; raises `StoreError`."""
    rows = database.rows(NEWEST, (deployment_digest,))
    return msgspec.json.decode(rows[0][0], type=ModelParity) if rows else None

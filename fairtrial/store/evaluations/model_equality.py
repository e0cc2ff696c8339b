"""Stores whether deployments answer as their bases, and finds the newest result for two definitions."""

import msgspec

from fairtrial.domain.verdicts.model_equality import ModelEquality
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.experiments import alarms

FAMILY = "model"
SAME = f"{FAMILY}.same_as_base"
"""The alarm that a deployment answers as its base."""
NEWEST = """
SELECT result FROM model_equality
WHERE deployment_digest = $1 AND base_digest = $2
ORDER BY at_time DESC, rowid DESC
LIMIT 1
"""


def save(database: Database, result: ModelEquality, *, actor: str, now_us: int) -> None:
    """Add a result, with its entry in the audit trail. *Same* opens the deployment's alarm; another answer closes it.

    The alarm of a definition that is not asked again stays until a person knows of it.
    """
    name = result.deployment
    with database.transaction() as cursor:
        cursor.insert(
            "model_equality",
            deployment=name,
            base=result.base,
            deployment_digest=result.deployment_digest,
            base_digest=result.base_digest,
            at_time=timestamp(result.asked_us),
            answer=result.answer,
            result=msgspec.json.encode(result).decode(),
        )
    details = {"base": result.base, "answer": result.answer}
    audit.record(database, now_us=now_us, actor=actor, action="model.asked", subject=name, details=details)
    texts = {SAME: f"{result.words}."} if result.answer == "same" else {}
    alarms.settle(database, name, texts, families=(FAMILY,), now_us=now_us, actor=actor)


def newest(database: Database, deployment_digest: str, base_digest: str) -> ModelEquality | None:
    """The newest result for two definitions, ``None`` if they were not asked; raises `StoreError`."""
    rows = database.rows(NEWEST, (deployment_digest, base_digest))
    return msgspec.json.decode(rows[0][0], type=ModelEquality) if rows else None

"""Counts the decisions that are stored: changes of experiments' states, and verdicts."""

from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.decision.transition import Action
from fairtrial.domain.verdicts.verdict import Decision
from fairtrial.store.core.database import Database

CHANGES = "SELECT action, actor = $1 AS own, count(*) FROM transitions GROUP BY action, own"
VERDICTS = "SELECT decision, count(*) FROM verdicts GROUP BY decision"


def changes(database: Database) -> dict[tuple[Action, bool], int]:
    """The number of changes by action, and whether control made them by itself; raises `StoreError`."""
    return {(action, bool(own)): int(count) for action, own, count in database.rows(CHANGES, (CONTROL,))}


def verdicts(database: Database) -> dict[Decision, int]:
    """The number of verdicts by decision; raises `StoreError`."""
    return {decision: int(count) for decision, count in database.rows(VERDICTS)}

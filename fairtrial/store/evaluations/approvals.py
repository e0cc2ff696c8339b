"""Keeps the votes of approvers on verdicts as rows that are only added, each with its entry in the audit trail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from fairtrial.domain.verdicts.approvals import Approval
from fairtrial.store.access import row_digests
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp

VOTES = """
SELECT verdict_id, at_time, actor, role, vote, why
FROM approvals
WHERE list_contains($1::VARCHAR[], verdict_id)
ORDER BY number
"""


def append(cursor: Cursor, vote: Approval) -> None:
    """Append a vote and its audit entry in the caller's transaction."""
    row = {name: getattr(vote, name) for name in ("verdict_id", "actor", "role", "vote", "why")}
    number = cursor.append("approvals", row | {"at_time": timestamp(vote.at_us)})
    row_digests.record(
        cursor,
        row_digests.APPROVALS,
        number,
        now_us=vote.at_us,
        actor=vote.actor,
        action=f"verdict.{vote.vote}",
        subject=vote.verdict_id,
        details={"role": vote.role, "why": vote.why},
    )


def votes(database: Database, verdict_ids: Collection[str]) -> dict[str, tuple[Approval, ...]]:
    """The votes on these verdicts, oldest first; verdicts without votes are left out. Raises `StoreError`."""
    found: defaultdict[str, list[Approval]] = defaultdict(list)
    for vote in database.values(Approval, VOTES, (list(verdict_ids),)):
        found[vote.verdict_id].append(vote)
    return {verdict_id: tuple(some) for verdict_id, some in found.items()}

"""Lists verdicts with how they read now, approvals included."""

from __future__ import annotations

from typing import Any

from fairtrial.domain.verdicts.approvals import approval_state, reads_as
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from fairtrial.store.evaluations import approvals, verdicts
from gateway.control.operations.verdicts.independent_approvals import mark_involved


def verdict_rows(database: Database, query: Query) -> list[dict[str, Any]]:
    """The rows of a listing of verdicts, each with ``reads``, such as ``SHIP, waiting for release-manager``."""
    rows = database.dicts(query)
    votes = approvals.votes(database, [row["verdict_id"] for row in rows])
    for row in rows:
        cast = votes.get(row["verdict_id"], ())
        verdict = verdicts.find(database, row["verdict_id"]) if cast else None
        if verdict is not None:
            cast = mark_involved(database, verdict, cast)
        row["reads"] = reads_as(row["decision"], approval_state(row["approvers"], cast))
    return rows

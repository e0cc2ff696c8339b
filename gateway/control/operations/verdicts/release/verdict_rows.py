"""Reads the rows of a listing of verdicts, each with how it reads now: its approvals, and whether it is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairtrial.domain.verdict import Verdict
from fairtrial.domain.verdicts.approvals import approval_state, reads_as
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from fairtrial.store.evaluations import approvals, verdicts
from gateway.control.operations.verdicts.release.approval_states import mark_involved

if TYPE_CHECKING:
    from gateway.control.operations.present import Present

STALE = "stale"


def verdict_rows(database: Database, query: Query, present: Present | None) -> list[dict[str, Any]]:
    """The rows, each with ``reads``, such as ``SHIP, waiting for release-manager``, and ``stale``, the reasons.

    Only an official SHIP is checked, because nothing is released by another verdict. Without ``present``, as before a
    plan is published, none is. Raises `StoreError`.
    """
    rows = database.dicts(query)
    votes = approvals.votes(database, [row["verdict_id"] for row in rows])
    for row in rows:
        cast, row["stale"] = votes.get(row["verdict_id"], ()), []
        ships = row["decision"] == "SHIP" and row["official"] and present is not None
        verdict = verdicts.find(database, row["verdict_id"]) if cast or ships else None
        if verdict is not None:
            cast = mark_involved(database, verdict, cast)
            row["stale"] = _stale(database, verdict, present) if ships and present is not None else []
        reads = reads_as(row["decision"], approval_state(row["approvers"], cast))
        row["reads"] = f"{reads}, {STALE}" if row["stale"] else reads
    return rows


def _stale(database: Database, verdict: Verdict, present: Present) -> list[str]:
    from gateway.control.operations.verdicts.staleness import stale_reasons  # loads the statistics

    return list(stale_reasons(database, verdict, present))

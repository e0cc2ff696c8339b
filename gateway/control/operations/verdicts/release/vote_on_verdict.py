"""Records that a person approves or rejects a verdict."""

from __future__ import annotations

from fairtrial.domain.accounts import Role, may
from fairtrial.domain.errors import BadRequest, Conflict, NotAllowed, NotFound
from fairtrial.domain.verdicts.approvals import Approval, ApprovalState, ApprovalVote
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.experiments.lifecycle import checked_reason
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import verdicts
from gateway.control.operations.verdicts.release.approval_states import state_of

SHORTEST = 4
"""Characters of the beginning of an id that may stand for it."""


def vote_on_verdict(
    database: Database, verdict_id: str, vote: ApprovalVote, voter: tuple[str, Role], *, why: str, now_us: int
) -> ApprovalState:
    """Store the vote and return the state of the approvals; ``voter``: the person as records name them, and their role.

    A person may vote again, and the last vote counts. An approval by a person who asked for the verdict is stored, too,
    because it withdraws that person's rejection. Raises `NotFound`, `BadRequest` for a missing reason, `Conflict`
    for a verdict that can't be approved, and `NotAllowed` for a role that the gate does not ask for.
    """
    verdict, reason = find_verdict(database, verdict_id), checked_reason(why)
    verdict_id = verdict.verdict_id
    actor, role = voter
    wanted = verdict.approvers
    if vote == "approve" and verdict.decision != "SHIP":
        raise Conflict(f"verdict {verdict_id}: it says {verdict.decision}, and only a SHIP can be approved")
    if wanted and not any(may(role, one, reading=False) for one in wanted):
        raise NotAllowed(f"verdict {verdict_id}: its gate asks {' and '.join(wanted)}, but {actor} has the role {role}")
    with database.transaction() as cursor:
        verdicts.append(cursor, Approval(verdict_id, now_us, actor, role, vote, reason))
    return state_of(database, verdict)


def find_verdict(database: Database, start: str) -> Verdict:
    """The verdict with this id, or the only one whose id begins so.

    Raises `NotFound`, and `BadRequest` if several ids begin so.
    """
    found = verdicts.find(database, start)
    if found is not None:
        return found
    ids = verdicts.ids_from(database, start) if len(start) >= SHORTEST else []
    if len(ids) > 1:
        raise BadRequest(f"verdict: several ids begin with {start!r} (write more of it): {', '.join(ids[:3])} …")
    found = verdicts.find(database, ids[0]) if ids else None
    if found is None:
        raise NotFound(f"verdict: there is no verdict with the id {start!r}", code="verdict_not_found")
    return found

"""Says whether the people whom a gate requires have approved a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from fairtrial.domain.accounts import ROLES, Role, may

ApprovalVote = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's vote on a verdict. ``actor``: as the audit trail names them; ``role``: their role at that time.

    ``at_us``: microseconds since 1970, UTC.
    """

    verdict_id: str
    at_us: int
    actor: str
    role: Role
    vote: ApprovalVote
    why: str


@dataclass(frozen=True, slots=True)
class ApprovalState:
    """The approvals so far. ``waiting``: the roles whose approval is missing; ``rejected``: the rejection that stands.

    ``votes``: every vote, oldest first.
    """

    waiting: tuple[Role, ...]
    rejected: Approval | None
    votes: tuple[Approval, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all required approvals are there and nobody rejects."""
        return not self.waiting and self.rejected is None


def approval_state(approvers: Sequence[Role], votes: Iterable[Approval]) -> ApprovalState:
    """The state of the approvals. Each entry of ``approvers`` needs its own person, whose role includes it.

    The last vote of each person counts. One rejection outweighs any number of approvals.
    """
    every = tuple(votes)
    last = {vote.actor: vote for vote in every}
    rejected = next((vote for vote in last.values() if vote.vote == "reject"), None)
    people = sorted((vote.role for vote in last.values() if vote.vote == "approve"), key=ROLES.index)
    waiting = []
    for needed in sorted(approvers, key=ROLES.index):
        fitting = next((role for role in people if may(role, needed, reading=False)), None)
        if fitting is None:
            waiting.append(needed)
        else:
            people.remove(fitting)
    return ApprovalState(tuple(waiting), rejected, every)


def reads_as(decision: str, state: ApprovalState) -> str:
    """The decision as people read it: ``SHIP``, ``SHIP, waiting for release-manager``, ``SHIP, rejected by …``."""
    if decision != "SHIP":
        return decision
    if state.rejected is not None:
        return f"SHIP, rejected by {state.rejected.actor}"
    if state.waiting:
        return f"SHIP, waiting for {' and '.join(state.waiting)}"
    approved = list(dict.fromkeys(vote.actor for vote in state.votes if vote.vote == "approve"))
    return f"SHIP, approved by {' and '.join(approved)}" if approved else "SHIP"

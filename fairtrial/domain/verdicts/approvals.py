"""Decides whether a verdict has the approvals that its gate requires."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from fairtrial.domain.accounts import ROLES, Role, may, same_name
from fairtrial.domain.promises import EXIT_CODES, UNAPPROVED
from fairtrial.domain.verdicts.verdict import Decision

ApprovalVote = Literal["approve", "reject"]
ApprovalStanding = Literal["waiting", "rejected", "complete"]
ACTORS = ("account ", "local user ", "key ")
"""How records begin the names of people and of what they use."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's vote on a verdict. ``actor``: as the audit trail names them; ``role``: their role at that time.

    ``at_us``: microseconds since 1970, UTC. ``involved``: what else the person did, such as ``asked for it``.
    ``barred``: the required roles for which the approval of such a person does not count. ``shared_from``: the verdict
    on equal evidence on which the vote was given, if it is another one than the verdict that is shown.
    """

    verdict_id: str
    at_us: int
    actor: str
    role: Role
    vote: ApprovalVote
    why: str
    involved: str = ""
    barred: Sequence[Role] = ()
    shared_from: str = ""


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

    @property
    def standing(self) -> ApprovalStanding:
        """A rejection outweighs missing approvals."""
        return "rejected" if self.rejected is not None else "waiting" if self.waiting else "complete"

    @property
    def not_counting(self) -> list[Approval]:
        """The approvals of involved people that don't count for a required role."""
        return [vote for vote in last_votes(self.votes) if vote.vote == "approve" and vote.barred]


def approval_state(approvers: Sequence[Role], votes: Iterable[Approval]) -> ApprovalState:
    """The state of the approvals. Each entry of ``approvers`` needs its own person, whose role includes it.

    The last vote of each person counts. One rejection outweighs any number of approvals.
    """
    every = tuple(votes)
    last = last_votes(every)
    rejected = next((vote for vote in last if vote.vote == "reject"), None)
    people = sorted((vote for vote in last if vote.vote == "approve"), key=lambda vote: ROLES.index(vote.role))
    waiting = []
    for needed in sorted(approvers, key=ROLES.index):
        able = (vote for vote in people if needed not in vote.barred and may(vote.role, needed, reading=False))
        fitting = next(able, None)
        if fitting is None:
            waiting.append(needed)
        else:
            people.remove(fitting)
    return ApprovalState(tuple(waiting), rejected, every)


def last_votes(votes: Iterable[Approval]) -> list[Approval]:
    """The last vote of each person, in the order of their first votes."""
    return list({person_of(vote.actor): vote for vote in votes}.values())


def person_of(actor: str) -> str:
    """The person behind a name in the records. An account, a key and a local user of one name are one person."""
    return same_name(actor.removeprefix(next((kind for kind in ACTORS if actor.startswith(kind)), "")))


def vote_note(involved: str, barred: Sequence[Role], shared_from: str = "") -> str:
    """The note beside a vote of a person who is involved, or that was given on another verdict; empty for others."""
    notes = [f"given on the equal evidence of verdict {shared_from}"] if shared_from else []
    if barred:
        notes.append(f"does not count as {' or '.join(barred)}, because this person {involved}")
    elif involved:
        notes.append(f"approved by the person who {involved}")
    return "; ".join(notes)


def exit_code_of(decision: Decision, state: ApprovalState, *, allow_unapproved: bool = False) -> int:
    """The exit code of `fairtrial gate`. ``allow_unapproved``: a SHIP may wait for approvals, but nobody may reject."""
    stopped = state.rejected is not None or (state.waiting and not allow_unapproved)
    return UNAPPROVED if decision == "SHIP" and stopped else EXIT_CODES[decision]


def reads_now(decision: str, state: ApprovalState, *, stale: bool, undone: bool = False) -> str:
    """As `reads_as`, but ``SHIP, stale`` once it no longer stands. ``undone``: its promotion was rolled back."""
    reads = reads_as(decision, state)
    if decision != "SHIP" or not (stale or undone):
        return reads
    return f"SHIP, {'rolled back' if undone else 'stale'}{reads.removeprefix('SHIP')}"


def reads_as(decision: str, state: ApprovalState) -> str:
    """The decision as people read it: ``SHIP``, ``SHIP, waiting for release-manager``, ``SHIP, rejected by …``."""
    if decision != "SHIP":
        return decision
    if state.rejected is not None:
        return f"SHIP, rejected by {state.rejected.actor}"
    if state.waiting:
        return f"SHIP, waiting for {' and '.join(state.waiting)}"
    last = [vote for vote in last_votes(state.votes) if vote.vote == "approve" and not vote.barred]
    approved = [f"the person who {vote.involved} ({vote.actor})" if vote.involved else vote.actor for vote in last]
    return f"SHIP, approved by {' and '.join(approved)}" if approved else "SHIP"

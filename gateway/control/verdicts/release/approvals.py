"""Records approvals of verdicts and decides which count: not those of a person who is involved."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fairtrial.domain.accounts import Role, may, same_name
from fairtrial.domain.errors import BadRequest, Conflict, NotAllowed, NotFound
from fairtrial.domain.verdicts.approvals import Approval, ApprovalState, ApprovalVote, approval_state, person_of
from fairtrial.domain.verdicts.verdict import Provenance, Verdict
from fairtrial.experiments.lifecycle import checked_reason
from fairtrial.store.access import accounts
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import verdicts
from fairtrial.store.experiments import published_plans, transitions

KEY = "key "
"""How records begin the name of an API key."""

SHORTEST = 4
"""Characters of the beginning of an id that may stand for it."""


@dataclass(frozen=True, slots=True)
class Promoter:
    """Who wants to promote a verdict now; ``actor``: as records name them."""

    actor: str
    now_us: int


@dataclass(frozen=True, slots=True)
class _Involvement:
    """``did``: a clause about the person. ``since_us``: when accounts are counted; ``None`` for the time of the vote.

    ``bars``: whether it can prevent that the person's approval counts.
    """

    person: str
    did: str
    since_us: int | None = None
    bars: bool = True


def state_of(database: Database, verdict: Verdict, promoter: Promoter | None = None) -> ApprovalState:
    """The approvals of a verdict so far, for a ``promoter`` also without their own; raises `StoreError`."""
    votes = verdicts.votes(database, [verdict.verdict_id]).get(verdict.verdict_id, ())
    return approval_state(verdict.approvers, mark_involved(database, verdict, votes, promoter))


def mark_involved(
    database: Database, verdict: Verdict, votes: Sequence[Approval], promoter: Promoter | None = None
) -> tuple[Approval, ...]:
    """The votes, with what each approving person had to do with the verdict, and for which roles they don't count.

    A vote on another verdict with equal evidence is that of a person who may be involved in either of the two. The
    approval of an involved person counts if the gate allows it, or if fewer than two accounts held the role when it was
    given. In a verdict of a version that counted every approval, it counts for readers, but not for another promotion.
    """
    basis = verdict.provenance
    if basis is None or all(vote.vote != "approve" for vote in votes):
        return tuple(votes)
    involved = {
        voted: [
            involvement
            for either in {verdict.verdict_id: verdict, voted: find_verdict(database, voted)}.values()
            for involvement in _involved(database, either, promoter)
        ]
        for voted in {vote.verdict_id for vote in votes}
    }
    before_this_rule = basis.self_approval is None and promoter is None
    roles = () if basis.self_approval or before_this_rule else basis.approvers
    return tuple(_marked(database, vote, involved[vote.verdict_id], roles) for vote in votes)


def _marked(database: Database, vote: Approval, involved: Iterable[_Involvement], roles: Sequence[Role]) -> Approval:
    person = person_of(vote.actor)
    mine = [involvement for involvement in involved if involvement.person == person]
    if vote.vote != "approve" or not mine:
        return vote
    barring = [involvement.since_us or vote.at_us for involvement in mine if involvement.bars]
    barred = [role for role in dict.fromkeys(roles) if any(accounts.holders(database, role, us) > 1 for us in barring)]
    return replace(
        vote, involved=" and ".join(dict.fromkeys(involvement.did for involvement in mine)), barred=tuple(barred)
    )


def _involved(database: Database, verdict: Verdict, promoter: Promoter | None) -> Iterator[_Involvement]:
    basis = verdict.provenance
    if basis is None:
        return
    yield _Involvement(person_of(basis.asked_by), "asked for it")
    if basis.asked_by.startswith(KEY) and not _is_person(database, basis.asked_by):
        yield from _changers(database, verdict, basis)
    if promoter is not None:
        yield _Involvement(person_of(promoter.actor), "promotes it", promoter.now_us)
    for release in transitions.citing(database, verdict.verdict_id):
        if release["action"] == "promote":
            yield _Involvement(person_of(release["actor"]), "promoted it", bars=False)


def _changers(database: Database, verdict: Verdict, basis: Provenance) -> Iterator[_Involvement]:
    """Who last changed the experiments or the configuration that a pipeline has judged, as far as that is recorded."""
    for experiment in basis.experiments:
        actor = transitions.last_person(database, experiment.experiment, until_us=verdict.at_us)
        if actor is not None:
            yield _Involvement(person_of(actor), f"last changed the experiment {experiment.experiment}")
    actor = published_plans.last_actor(database, until_us=verdict.at_us)
    if actor is not None:
        yield _Involvement(person_of(actor), "last changed the configuration")


def _is_person(database: Database, actor: str) -> bool:
    """Whether a key has the name of an account, and so belongs to that person."""
    names = (row["name"] for row in database.dicts(accounts.listing()))
    return any(name is not None and same_name(name) == person_of(actor) for name in names)


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
    roles = verdict.approvers
    if vote == "approve" and verdict.decision != "SHIP":
        raise Conflict(f"verdict {verdict_id}: it says {verdict.decision}, and only a SHIP can be approved")
    if roles and not any(may(role, approver, reading=False) for approver in roles):
        raise NotAllowed(f"verdict {verdict_id}: its gate asks {' and '.join(roles)}, but {actor} has the role {role}")
    with database.transaction() as cursor:
        verdicts.append(cursor, Approval(verdict_id, now_us, actor, role, vote, reason))
    return state_of(database, verdict)


def find_verdict(database: Database, start: str) -> Verdict:
    """The verdict with this id, or the only one whose id begins so.

    Raises `NotFound`, and `BadRequest` if several ids begin so.
    """
    verdict = verdicts.find(database, start)
    if verdict is not None:
        return verdict
    ids = verdicts.ids_from(database, start) if len(start) >= SHORTEST else []
    if len(ids) > 1:
        raise BadRequest(f"verdict: several ids begin with {start!r} (write more of it): {', '.join(ids[:3])} …")
    verdict = verdicts.find(database, ids[0]) if ids else None
    if verdict is None:
        raise NotFound(f"verdict: there is no verdict with the id {start!r}", code="verdict_not_found")
    return verdict

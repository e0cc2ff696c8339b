"""Accounts of people: invited, listed, given another role, a new link, or shut out."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.accounts import LONGEST_NAME, Role
from fairtrial.domain.errors import BadRequest
from fairtrial.store.access import accounts, invitations
from gateway.control.auth.authorization import Admin, Guarded, needs
from gateway.control.responses import TheKeeper, ThePage, as_json, as_table

router = APIRouter(tags=["accounts"], route_class=Guarded, dependencies=[Depends(needs("admin"))])


class Invited(BaseModel):
    """Who is to be invited; without a name they choose it themselves."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    role: Role


class NewRole(BaseModel):
    """What an account may do from now on."""

    model_config = ConfigDict(extra="forbid")

    role: Role


@router.get("/accounts")
def listing(request: Request, keeper: TheKeeper, page: ThePage) -> Response:
    """All accounts, oldest first, the disabled ones too."""
    return as_table(request, keeper.database, accounts.listing(page.limit, page.offset))


@router.post("/accounts", status_code=201)
def invite(keeper: TheKeeper, who: Invited, caller: Admin) -> Response:
    """Make an account: the only answer that shows its token, which opens the page ``/invitation/TOKEN`` once."""
    made = invitations.invite(keeper.database, who.name, who.role, actor=caller.name, now_us=keeper.clock_us())
    return as_json(made, status=201)


@router.post("/accounts/{who:path}/reset", status_code=201)
def reset(keeper: TheKeeper, who: str, caller: Admin) -> Response:
    """A new link for an account (by name or id), such as for a lost password; it enables a disabled one again."""
    return as_json(invitations.reset(keeper.database, who, actor=caller.name, now_us=keeper.clock_us()), status=201)


@router.post("/accounts/{who:path}/disable")
def disable(keeper: TheKeeper, who: str, caller: Admin) -> Response:
    """Shut someone out at once; what they did stays."""
    _refuse_oneself(accounts.find(keeper.database, who).account_id, caller)
    return as_json(accounts.disable(keeper.database, who, actor=caller.name, now_us=keeper.clock_us()))


@router.put("/accounts/{who:path}/role")
def set_role(keeper: TheKeeper, who: str, wanted: NewRole, caller: Admin) -> Response:
    """Change what someone may do, from their next request on."""
    _refuse_oneself(accounts.find(keeper.database, who).account_id, caller)
    now_us = keeper.clock_us()
    return as_json(accounts.set_role(keeper.database, who, wanted.role, actor=caller.name, now_us=now_us))


def _refuse_oneself(account_id: str, caller: Admin) -> None:
    if account_id == caller.account_id:
        raise BadRequest("accounts: nobody takes rights from themselves; ask another admin, or the command line")

"""Routes for accounts: invite, list, reset, disable, and change roles."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.accounts import LONGEST_NAME, Role
from fairtrial.domain.errors import BadRequest
from fairtrial.store.access import accounts, invitations
from gateway.control.auth.authorization import Admin, AuthorizedRoute, require_role
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_table

router = APIRouter(tags=["accounts"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("admin"))])


class Invited(BaseModel):
    """The person to invite; without ``name`` they choose it themselves."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    role: Role


class NewRole(BaseModel):
    """The new role of an account."""

    model_config = ConfigDict(extra="forbid")

    role: Role


@router.get("/accounts")
def listing(request: Request, background: BackgroundDep, page: PageDep) -> Response:
    """All accounts, oldest first, including disabled ones."""
    return as_table(request, background.database, accounts.listing(page.limit, page.offset))


@router.post("/accounts", status_code=201)
def invite(background: BackgroundDep, who: Invited, caller: Admin) -> Response:
    """Create an account. Only this response contains its token, which opens ``/invitation/TOKEN`` once."""
    made = invitations.invite(background.database, who.name, who.role, actor=caller.name, now_us=background.clock_us())
    return as_json(made, status=201)


@router.post("/accounts/{who:path}/reset", status_code=201)
def reset(background: BackgroundDep, who: str, caller: Admin) -> Response:
    """Create a new link for an account (name or id), for example after a lost password. Enables a disabled account."""
    return as_json(
        invitations.reset(background.database, who, actor=caller.name, now_us=background.clock_us()), status=201
    )


@router.post("/accounts/{who:path}/disable")
def disable(background: BackgroundDep, who: str, caller: Admin) -> Response:
    """Disable an account immediately. What the person did is kept."""
    _refuse_oneself(accounts.find(background.database, who).account_id, caller)
    return as_json(accounts.disable(background.database, who, actor=caller.name, now_us=background.clock_us()))


@router.put("/accounts/{who:path}/role")
def set_role(background: BackgroundDep, who: str, wanted: NewRole, caller: Admin) -> Response:
    """Change an account's role, effective with its next request."""
    _refuse_oneself(accounts.find(background.database, who).account_id, caller)
    now_us = background.clock_us()
    return as_json(accounts.set_role(background.database, who, wanted.role, actor=caller.name, now_us=now_us))


def _refuse_oneself(account_id: str, caller: Admin) -> None:
    if account_id == caller.account_id:
        raise BadRequest("accounts: you can't change your own rights; ask another admin, or use the command line")

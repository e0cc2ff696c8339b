"""Routes for API keys: create, list and revoke."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.storage.keys import DEFAULT_RIGHTS, KeyOptions, Right
from fairtrial.store.access import keys
from gateway.control.auth.authorization import Admin, AuthorizedRoute, require_role
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_table

router = APIRouter(tags=["keys"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("admin"))])
LATEST_US = 253_402_300_799_000_000
"""The end of the year 9999, the latest time that is supported."""


class KeyRequest(BaseModel):
    """The key to create; no ``routes`` means all routes."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    rights: list[Right] = list(DEFAULT_RIGHTS)
    routes: list[str] = []
    expires_us: int | None = Field(default=None, gt=0, le=LATEST_US)


@router.get("/keys")
def listing(request: Request, background: BackgroundDep, page: PageDep) -> Response:
    """All keys without their secrets, newest first, including revoked ones."""
    return as_table(request, background.database, keys.listing(page.limit, page.offset))


@router.post("/keys", status_code=201)
def create(background: BackgroundDep, wanted: KeyRequest, caller: Admin) -> Response:
    """Create a key. Only this response contains its secret."""
    options = KeyOptions(wanted.rights, wanted.routes, wanted.expires_us)
    return as_json(background.create_key(wanted.name, actor=caller.name, options=options), status=201)


@router.delete("/keys/{key_id}")
def revoke(background: BackgroundDep, key_id: str, caller: Admin) -> Response:
    """Revoke a key permanently."""
    background.revoke_key(key_id, actor=caller.name)
    return as_json({"revoked": key_id})

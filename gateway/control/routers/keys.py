"""API keys: made, listed, revoked."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.plan import Right
from fairtrial.store.access import keys
from gateway.control.auth.authorization import Admin, Guarded, needs
from gateway.control.responses import TheKeeper, ThePage, as_json, as_table

router = APIRouter(tags=["keys"], route_class=Guarded, dependencies=[Depends(needs("admin"))])
LATEST_US = 253_402_300_799_000_000
"""The end of the year 9999: no clock of ours goes further."""


class KeyWish(BaseModel):
    """The key that is wished for; no routes named means all."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    rights: list[Right] = list(keys.DEFAULT_RIGHTS)
    routes: list[str] = []
    expires_us: int | None = Field(default=None, gt=0, le=LATEST_US)


@router.get("/keys")
def listing(request: Request, keeper: TheKeeper, page: ThePage) -> Response:
    """All keys, newest first, the revoked ones too; never a secret."""
    return as_table(request, keeper.database, keys.listing(page.limit, page.offset))


@router.post("/keys", status_code=201)
def create(keeper: TheKeeper, wish: KeyWish, caller: Admin) -> Response:
    """Make a key: the only answer that shows its secret."""
    options = keys.KeyOptions(wish.rights, wish.routes, wish.expires_us)
    return as_json(keeper.create_key(wish.name, actor=caller.name, options=options), status=201)


@router.delete("/keys/{key_id}")
def revoke(keeper: TheKeeper, key_id: str, caller: Admin) -> Response:
    """End a key for good."""
    keeper.revoke_key(key_id, actor=caller.name)
    return as_json({"revoked": key_id})

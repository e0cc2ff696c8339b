"""One-time links for the browser of this machine's user."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fairtrial.store.access import one_time_links
from gateway.control.auth.authorization import Admin, Guarded
from gateway.control.responses import TheKeeper, as_json

router = APIRouter(tags=["accounts"], route_class=Guarded)


@router.post("/one-time-links", status_code=201)
def create(keeper: TheKeeper, caller: Admin) -> Response:
    """Make a link ``/one-time/TOKEN`` that signs one browser in as `local`; 409 once there is an account."""
    made = one_time_links.create(keeper.database, actor=caller.name, now_us=keeper.clock_us())
    return as_json(made, status=201)

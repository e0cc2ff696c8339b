"""The route that creates one-time sign-in links for the user of this machine."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fairtrial.store.access import one_time_links
from gateway.control.auth.authorization import Admin, AuthorizedRoute
from gateway.control.responses import BackgroundDep, as_json

router = APIRouter(tags=["accounts"], route_class=AuthorizedRoute)


@router.post("/one-time-links", status_code=201)
def create(background: BackgroundDep, caller: Admin) -> Response:
    """Create a link ``/one-time/TOKEN`` that signs one browser in as `local`; 409 once there is an account."""
    made = one_time_links.create(background.database, actor=caller.name, now_us=background.clock_us())
    return as_json(made, status=201)

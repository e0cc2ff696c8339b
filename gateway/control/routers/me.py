"""The route that identifies the caller, which the dashboard requests first."""

from __future__ import annotations

from fastapi import APIRouter, Response

from gateway.control.auth.authorization import AuthorizedRoute, Reviewer
from gateway.control.responses import as_json

router = APIRouter(tags=["me"], route_class=AuthorizedRoute)


@router.get("/me")
def me(caller: Reviewer) -> Response:
    """The caller's account and role; 401 without a session or a key."""
    return as_json(caller)

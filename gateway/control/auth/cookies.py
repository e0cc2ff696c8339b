"""Sets control's two cookies: the session, and the mark of a known device."""

from __future__ import annotations

from fastapi import Request, Response

from fairtrial.domain.limits.constants import SECOND_US
from fairtrial.store.access import sessions
from gateway.control.auth import known_device
from gateway.control.auth.identity import SESSION_COOKIE


def set_session(request: Request, answer: Response, token: str) -> None:
    """Set the session cookie, which the browser also sends to the dashboard, because cookies ignore ports."""
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=sessions.LASTS_US // SECOND_US,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def set_device(request: Request, answer: Response, value: str) -> None:
    """Set the cookie of a known device, which the browser sends only to the page that checks passwords."""
    answer.set_cookie(
        known_device.COOKIE,
        value,
        max_age=known_device.LASTS_US // SECOND_US,
        path="/sign-in",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )

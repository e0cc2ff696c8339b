"""Sets control's two cookies: the session, and the mark of a device on which somebody signed in before."""

from __future__ import annotations

import base64
import hmac
import re
import secrets

from fastapi import Request, Response

from fairtrial.domain.limits.constants import SECOND_US
from fairtrial.domain.names.ids import KeyedHash
from fairtrial.store.access import accounts, sessions, store_secrets
from fairtrial.store.core.database import Database

SESSION_COOKIE = "fairtrial_session"
DEVICE_COOKIE = "fairtrial_device"
SECRET = "device_secret"  # noqa: S105 - the name of a setting
LASTS_US = 365 * 86_400_000_000
NONCE_BYTES = 16
_FORM = re.compile(r"([0-9a-f-]{36})\.([0-9a-f]{32})\.([0-9]{1,17})\.([A-Za-z0-9_-]{43})")


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
        DEVICE_COOKIE,
        value,
        max_age=LASTS_US // SECOND_US,
        path="/sign-in",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


# Recognises browsers that signed in before by a signed cookie, so that password guessers cannot lock them out.
#
# The cookie holds the account, a random number, the time, and a keyed hash of these and of the stored password hash.
# A new password therefore invalidates all known devices of the account. The cookie alone grants no access.


def remember(database: Database, account_id: str, *, now_us: int) -> str | None:
    """The cookie for a browser in which this account has just signed in; ``None`` for an account without a password."""
    _, stored = accounts.password_of(database, account_id)
    if stored is None:
        return None
    nonce = secrets.token_hex(NONCE_BYTES)
    return f"{account_id}.{nonce}.{now_us}.{_mac(database, account_id, nonce, now_us, stored)}"


def recognise(database: Database, cookie: str, account_id: str, stored: str, *, now_us: int) -> str | None:
    """The device's identifier if its cookie is valid for this account; ``stored`` is the account's password hash."""
    form = _FORM.fullmatch(cookie)
    if form is None or form[1] != account_id:
        return None
    nonce, since_us = form[2], int(form[3])
    if not now_us - LASTS_US < since_us <= now_us:
        return None
    expected = _mac(database, account_id, nonce, since_us, stored)
    return nonce if hmac.compare_digest(form[4], expected) else None


def _mac(database: Database, account_id: str, nonce: str, since_us: int, stored: str) -> str:
    key = bytes.fromhex(store_secrets.secret(database, SECRET))
    message = "\0".join((account_id, nonce, str(since_us), stored))
    return base64.urlsafe_b64encode(KeyedHash(key).digest(message.encode())).rstrip(b"=").decode()

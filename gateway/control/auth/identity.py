"""Identifies the caller of a request: a person by a session cookie, or a program by an API key."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from fastapi import Request

from fairtrial.config.layout import Layout
from fairtrial.config.local_user import local_actor
from fairtrial.domain.accounts import Role
from fairtrial.domain.errors import NotAllowed, NotAuthenticated
from fairtrial.domain.plan import Key
from fairtrial.store.access import sessions
from fairtrial.store.access.keys import digest
from gateway.control.background.background_work import BackgroundWork

SESSION_COOKIE = "fairtrial_session"
KEY = "key:"


@dataclass(frozen=True, slots=True)
class Caller:
    """The person or program that sent a request."""

    account_id: str
    name: str
    role: Role

    @property
    def is_person(self) -> bool:
        """False for an API key, even if a person created it."""
        return not self.account_id.startswith(KEY)


def caller_of(request: Request) -> Caller:
    """The caller; raises `NotAuthenticated` without valid credentials, `NotAllowed` for a key without `admin`."""
    background: BackgroundWork = request.app.state.background
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _by_key(authorization, background.valid_keys(), background.clock_us())
    person = by_session(request)
    if person is not None:
        return person
    raise NotAuthenticated("sign in first, or send a key with the right admin: Authorization: Bearer ft-…")


def actor_of(caller: Caller, layout: Layout) -> str:
    """The caller as records name it: an account, a key's name, or the local user.

    Commands on this machine use the key in a file that only the local user can read.
    """
    if caller.account_id == sessions.LOCAL.account_id or _has_local_key(caller, layout):
        return local_actor()
    return f"account {caller.name}" if caller.is_person else f"key {caller.name}"


def _has_local_key(caller: Caller, layout: Layout) -> bool:
    try:
        secret = layout.admin_key.read_text(encoding="utf-8")
    except OSError:
        return False
    return not caller.is_person and secret.startswith(f"ft-{caller.account_id.removeprefix(KEY)}-")


def by_session(request: Request) -> Caller | None:
    """The person whose session this browser has, if it is still valid."""
    background: BackgroundWork = request.app.state.background
    token = request.cookies.get(SESSION_COOKIE)
    found = sessions.account_of(background.database, token, now_us=background.clock_us()) if token else None
    return None if found is None else Caller(found.account_id, found.name or found.account_id, found.role)


def _by_key(authorization: str, keys: tuple[Key, ...], now_us: int) -> Caller:
    scheme, _, secret = authorization.partition(" ")
    given = digest(secret.strip()) if scheme.lower() == "bearer" else ""
    for key in keys:
        if hmac.compare_digest(key.sha256, given) and (key.expires_us is None or key.expires_us > now_us):
            if "admin" not in key.rights:
                raise NotAllowed("this key may not use the control API (it needs the right: admin)")
            return Caller(f"{KEY}{key.key_id}", key.name, "admin")
    raise NotAuthenticated("the control API needs a valid key: Authorization: Bearer ft-…")

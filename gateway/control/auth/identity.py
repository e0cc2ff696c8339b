"""Identifies the caller of a request: a person by a session cookie, or a program by an API key."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Request

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import NotAllowed, NotAuthenticated
from fairtrial.domain.plan import Key
from fairtrial.store.access import sessions
from fairtrial.store.access.keys import digest, valid
from gateway.control.caller import KEY, Caller
from gateway.control.context import Owner

SESSION_COOKIE = "fairtrial_session"


def owner_of(request: Request) -> Owner:
    """The process that owns the store."""
    owner: Owner = request.app.state.owner
    return owner


OwnerDep = Annotated[Owner, Depends(owner_of)]


def caller_of(request: Request) -> Caller:
    """The caller; raises `NotAuthenticated` without valid credentials, `NotAllowed` for a key without `admin`."""
    owner = owner_of(request)
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _by_key(authorization, owner)
    person = by_session(request)
    if person is not None:
        return person
    raise NotAuthenticated("sign in first, or send a key with the right admin: Authorization: Bearer ft-…")


def by_session(request: Request) -> Caller | None:
    """The person whose session this browser has, if it is still valid."""
    owner = owner_of(request)
    token = request.cookies.get(SESSION_COOKIE)
    found = sessions.account_of(owner.database, token, now_us=owner.clock_us()) if token else None
    return None if found is None else Caller(found.account_id, found.name or found.account_id, found.role)


def _by_key(authorization: str, owner: Owner) -> Caller:
    scheme, _, secret = authorization.partition(" ")
    given = digest(secret.strip()) if scheme.lower() == "bearer" else ""
    now_us = owner.clock_us()
    for key in valid(owner.database):
        if hmac.compare_digest(key.sha256, given) and (key.expires_us is None or key.expires_us > now_us):
            if "admin" not in key.rights:
                raise NotAllowed("this key may not use the control API (it needs the right: admin)")
            return Caller(KEY + key.key_id, key.name, "admin", _is_local(key, owner.database.layout))
    raise NotAuthenticated("the control API needs a valid key: Authorization: Bearer ft-…")


def _is_local(key: Key, layout: Layout) -> bool:
    """Whether the key is the one in the file that only this machine's user can read."""
    try:
        return layout.admin_key.read_text(encoding="utf-8").startswith(f"ft-{key.key_id}-")
    except OSError:
        return False

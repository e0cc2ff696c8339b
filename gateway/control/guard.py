"""Who may use the control API: on loopback, programs of this machine; elsewhere, holders of an `admin` key."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from fastapi import Request

from fairtrial.config.addresses import is_loopback
from fairtrial.domain.errors import NotAllowed, NotAuthenticated
from fairtrial.domain.plan import Key
from fairtrial.store.keys import digest
from gateway.control.keeper import Keeper

UNGUARDED = frozenset({"/livez", "/readyz"})
"""The only paths that anyone may ask for."""


def guard(request: Request) -> None:
    """Refuses whoever may not come in; every router has it as a dependency."""
    keeper: Keeper = request.app.state.keeper
    if request.app.state.loopback:
        _refuse_strange_names(request)
    else:
        _require_admin(request.headers.get("authorization", ""), keeper.valid_keys(), keeper.clock_us())


def _refuse_strange_names(request: Request) -> None:
    """A page in a browser must not reach us by a name of its own (DNS rebinding) nor from another site."""
    if not is_loopback(_host(f"//{request.headers.get('host', '')}")):
        raise NotAllowed("host: only names of this machine are served here (127.0.0.1, localhost, [::1])")
    origin = request.headers.get("origin")
    if origin is not None and not is_loopback(_host(origin)):
        raise NotAllowed("origin: pages of other sites may not use this address")


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _require_admin(authorization: str, keys: tuple[Key, ...], now_us: int) -> None:
    scheme, _, secret = authorization.partition(" ")
    given = digest(secret.strip()) if scheme.lower() == "bearer" else ""
    for key in keys:
        if hmac.compare_digest(key.sha256, given) and (key.expires_us is None or key.expires_us > now_us):
            if "admin" not in key.rights:
                raise NotAllowed("this key may not use the control API (it needs the right: admin)")
            return
    raise NotAuthenticated("the control API needs a valid key: Authorization: Bearer ft-…")

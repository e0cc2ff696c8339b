"""Pages of other sites in a visitor's browser: they may not reach control by a name of theirs, nor change anything."""

from __future__ import annotations

from fastapi import Request

from fairtrial.domain.errors import NotAllowed
from fairtrial.domain.names.hosts import host_of, is_loopback

READING = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"same-origin", "none"})
JSON = "application/json"


def refuse_strange_names(request: Request) -> None:
    """Protects a control on loopback against DNS rebinding: it answers to names of this machine and its public one."""
    state, name = request.app.state, host_name(request)
    if state.loopback and not is_loopback(name) and name != state.public_host:
        raise NotAllowed("host: only names of this machine are served here (127.0.0.1, localhost, [::1])")


def refuse_foreign_pages(request: Request, *, by_cookie: bool) -> None:
    """What changes something must come from a page of the same host name (any port), or from no page at all.

    ``by_cookie``: the browser's cookie speaks for the request. Then no page at all is only believed of JSON, which a
    form of another site can't send.
    """
    origin = request.headers.get("origin")
    if origin is not None and host_of(origin) != host_name(request):
        both_local = is_loopback(host_of(origin)) and is_loopback(host_name(request))
        if request.method not in READING or not both_local:
            raise NotAllowed("origin: pages of other sites may not use this address")
    if request.method in READING or origin is not None:
        return
    if request.headers.get("sec-fetch-site", "none") not in OWN_SITES:
        raise NotAllowed("sec-fetch-site: pages of other sites may not change anything here")
    if by_cookie and "sec-fetch-site" not in request.headers and not _is_json(request):
        raise NotAllowed("origin: a change by cookie needs an Origin header, or JSON as its content type")


def host_name(request: Request) -> str:
    """The host name that the caller asked for, without port and brackets, in small letters."""
    return host_of(f"//{request.headers.get('host', '')}")


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON

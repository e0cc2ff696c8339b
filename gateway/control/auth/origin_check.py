"""Protects against cross-site requests (CSRF) and DNS rebinding."""

from __future__ import annotations

from fastapi import Request

from fairtrial.domain.errors import NotAllowed
from fairtrial.domain.names.hosts import host_of, is_loopback

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"same-origin", "none"})
JSON = "application/json"


def reject_unknown_host(request: Request) -> None:
    """Prevents DNS rebinding: on loopback, only host names of this machine and the public one are accepted."""
    state, name = request.app.state, host_name(request)
    if state.loopback and not is_loopback(name) and name != state.public_host:
        raise NotAllowed("host: only host names of this machine are accepted (127.0.0.1, localhost, [::1])")


def reject_cross_site(request: Request, *, by_cookie: bool) -> None:
    """Prevents CSRF: a change must come from a page with the same host name (any port) or from no page at all.

    ``by_cookie``: a cookie authenticates the request. A request without an origin must then be JSON, because forms
    on other sites cannot send JSON.
    """
    origin = request.headers.get("origin")
    if origin is not None and host_of(origin) != host_name(request):
        both_local = is_loopback(host_of(origin)) and is_loopback(host_name(request))
        if request.method not in SAFE_METHODS or not both_local:
            raise NotAllowed("origin: pages of other sites may not use this address")
    if request.method in SAFE_METHODS or origin is not None:
        return
    if request.headers.get("sec-fetch-site", "none") not in OWN_SITES:
        raise NotAllowed("sec-fetch-site: pages of other sites may not change anything here")
    if by_cookie and "sec-fetch-site" not in request.headers and not _is_json(request):
        raise NotAllowed("origin: a change by cookie needs an Origin header, or JSON as its content type")


def host_name(request: Request) -> str:
    """The requested host name in lower case, without port and brackets."""
    return host_of(f"//{request.headers.get('host', '')}")


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON

"""Protects against cross-origin requests (CSRF), DNS rebinding, and redirects to other hosts."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from fastapi import Request

from fairtrial.domain.errors import NotAllowed
from fairtrial.domain.names.hosts import host_of, is_loopback, origin_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"same-origin", "none"})
JSON = "application/json"
ADDRESS = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?(?:[/?][\x21-\x5b\x5d-\x7e]*)?")
"""Excludes user names and backslashes, which browsers parse differently."""
LONGEST = 2000


def reject_unknown_host(request: Request) -> None:
    """Prevents DNS rebinding: on loopback, only host names of this machine and the public one are accepted."""
    state, name = request.app.state, host_name(request)
    if state.loopback and not is_loopback(name) and (not name or name != host_of(state.public_origin)):
        raise NotAllowed("host: only host names of this machine are accepted (127.0.0.1, localhost, [::1])")


def reject_cross_origin(request: Request) -> None:
    """Prevents CSRF: a request comes from a page of control, with its scheme, host and port, or from no page.

    The host name alone is not enough, because browsers send a cookie to every port of it, whatever its SameSite says.
    """
    changes = request.method not in SAFE_METHODS
    name = "referer" if changes and "origin" not in request.headers else "origin"
    source = request.headers.get(name)
    if source is not None and origin_of(source) not in _own_origins(request):
        raise NotAllowed(
            f"{name}: only control's own pages may use this address "
            "(behind a proxy, FAIRTRIAL_CONTROL_PUBLIC_URL says what it is)"
        )
    if changes and request.headers.get("sec-fetch-site", "none") not in OWN_SITES:
        raise NotAllowed("sec-fetch-site: pages of other origins may not change anything here")


def reject_forms(request: Request) -> None:
    """Prevents CSRF by a browser that names no page: a change must be JSON, even without a body.

    A page of another origin can't send JSON, because a browser first asks control (CORS), which allows it to none.
    It can send a form, a text or no body at all, with the cookie.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method not in SAFE_METHODS and content_type != JSON:
        raise NotAllowed(f"content-type: a change by cookie must be {JSON}, even without a body")


def host_name(request: Request) -> str:
    """The requested host name in lower case, without port and brackets."""
    return host_of(f"//{request.headers.get('host', '')}")


def _own_origins(request: Request) -> set[str]:
    """Where this request arrived, and the public origin, since a proxy may hide the scheme and the port."""
    here = origin_of(f"{request.url.scheme}://{request.headers.get('host', '')}")
    return {here, request.app.state.public_origin} - {""}


def next_page(request: Request) -> str | None:
    """The address in the parameter ``next``; ``None`` if it is invalid or on another host."""
    address = request.query_params.get("next", "")
    if len(address) > LONGEST or not ADDRESS.fullmatch(address):
        return None
    try:
        return address if urlsplit(address).hostname == host_name(request) else None
    except ValueError:
        return None


def with_next(path: str, onward: str | None) -> str:
    """The path with ``onward`` as its parameter ``next``."""
    return f"{path}?next={quote(onward, safe='')}" if onward else path

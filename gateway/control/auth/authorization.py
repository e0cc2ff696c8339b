"""Identifies callers and authorizes them by role; protects against CSRF, DNS rebinding and redirects to other hosts."""

import functools
import hmac
import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from fairtrial.config.layout import Layout
from fairtrial.domain.accounts import ROLES, Role, may, only_reads
from fairtrial.domain.errors import NotAllowed, NotAuthenticated
from fairtrial.domain.names.addresses import host_of, is_loopback, origin_of
from fairtrial.domain.plan import Key
from fairtrial.store.access import credentials
from fairtrial.store.access.accounts import token_digest
from fairtrial.store.access.credentials import valid_keys
from gateway.control.auth.sign_in import SESSION_COOKIE
from gateway.control.context import KEY, Caller, Owner

MIB = 2**20
READING = ("GET", "HEAD")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"same-origin", "none"})
JSON = "application/json"
PAGE_ADDRESS = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?(?:[/?][\x21-\x5b\x5d-\x7e]*)?")
"""Excludes user names and backslashes, which browsers parse differently."""
LONGEST_ADDRESS = 2000


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
    account = credentials.account_of_session(owner.database, token, now_us=owner.clock_us()) if token else None
    return None if account is None else Caller(account.account_id, account.name or account.account_id, account.role)


def _by_key(authorization: str, owner: Owner) -> Caller:
    scheme, _, secret = authorization.partition(" ")
    given = token_digest(secret.strip()) if scheme.lower() == "bearer" else ""
    now_us = owner.clock_us()
    for key in valid_keys(owner.database):
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


class RequireRole:
    """A dependency that returns the caller, and rejects lower roles and changes by roles that only read."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, request: Request) -> Caller:
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None:
            caller = request.state.caller = _identify(request)
        if not may(caller.role, self.role, reading=request.method in READING):
            limit = ", which only reads" if only_reads(caller.role) else ""
            raise NotAllowed(f"this needs the role {self.role}, but {caller.name} has the role {caller.role}{limit}")
        return caller


@functools.cache
def require_role(role: Role) -> RequireRole:
    """The dependency for one role; raises `NotAuthenticated` (401) and `NotAllowed` (403)."""
    return RequireRole(role)


def anyone() -> None:
    """The dependency of routes without authorization: health checks and the sign-in pages."""


class AuthorizedRoute(APIRoute):
    """A route that checks the caller's role first and then reads at most ``max_body`` bytes of the body."""

    max_body: ClassVar[int] = MIB

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, rules = super().get_route_handler(), tuple(access_rules_of(self.dependant))
        if not rules:
            raise TypeError(f"{self.path}: the route must declare a role or `anyone`")
        required = [rule for rule in rules if isinstance(rule, RequireRole)]
        required.sort(key=lambda rule: ROLES.index(rule.role), reverse=True)  # so that an error names the highest

        async def authorized(request: Request) -> Response:
            for rule in required:
                await run_in_threadpool(rule, request)
            return await handle(Request(request.scope, _limit_body(request, self.max_body)))

        return authorized


def access_rules_of(dependant: Dependant) -> Iterator[RequireRole | Callable[[], None]]:
    """The access rules of a route, including those of its router: `RequireRole` or `anyone`."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, RequireRole) or dependency.call is anyone:
            yield dependency.call
        yield from access_rules_of(dependency)


def _identify(request: Request) -> Caller:
    reject_unknown_host(request)
    reject_cross_origin(request)
    if "authorization" not in request.headers and SESSION_COOKIE in request.cookies:
        reject_forms(request)
    return caller_of(request)


def _limit_body(request: Request, largest: int) -> Receive:
    """Receives the body up to ``largest`` bytes. A larger `Content-Length` is rejected at once."""
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > largest:
        raise _too_large(largest)
    read = 0

    async def receive() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > largest:
            raise _too_large(largest)
        return message

    return receive


def _too_large(largest: int) -> HTTPException:
    """An `HTTPException`, because FastAPI hides other errors raised while it reads a body."""
    return HTTPException(413, f"the body is too large (at most {largest // MIB} MiB)")


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
    if len(address) > LONGEST_ADDRESS or not PAGE_ADDRESS.fullmatch(address):
        return None
    try:
        return address if urlsplit(address).hostname == host_name(request) else None
    except ValueError:
        return None


def with_next(path: str, onward: str | None) -> str:
    """The path with ``onward`` as its parameter ``next``."""
    return f"{path}?next={quote(onward, safe='')}" if onward else path

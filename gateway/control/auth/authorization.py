"""Authorizes each request by role before any of its body is read.

A route names its role with ``dependencies=[Depends(require_role("release-manager"))]``, and needs
``route_class=AuthorizedRoute``. A GET of a route must not change anything, because roles that only read may send it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, ClassVar

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from fairtrial.domain.accounts import ROLES, Role, may, only_reads
from fairtrial.domain.errors import NotAllowed
from gateway.control.auth.identity import SESSION_COOKIE, caller_of
from gateway.control.auth.origin_check import reject_cross_origin, reject_forms, reject_unknown_host
from gateway.control.caller import Caller

MIB = 2**20
READING = ("GET", "HEAD")


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
        required = [each for each in rules if isinstance(each, RequireRole)]
        required.sort(key=lambda each: ROLES.index(each.role), reverse=True)  # so that an error names the highest

        async def authorized(request: Request) -> Response:
            for each in required:
                await run_in_threadpool(each, request)
            return await handle(Request(request.scope, _limit_body(request, self.max_body)))

        return authorized


def access_rules_of(dependant: Dependant) -> Iterator[RequireRole | Callable[[], None]]:
    """The access rules of a route, including those of its router: `RequireRole` or `anyone`."""
    for each in dependant.dependencies:
        if isinstance(each.call, RequireRole) or each.call is anyone:
            yield each.call
        yield from access_rules_of(each)


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

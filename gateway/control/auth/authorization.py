"""The guard: every route says who may use it, and that is decided before a byte of the body is read.

A router declares it for all of its routes with ``dependencies=[Depends(needs("release-manager"))]``, or a route for
itself with a parameter ``caller: Reviewer``; both need ``route_class=Guarded``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterator
from typing import Annotated, Any, ClassVar

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from fairtrial.domain.accounts import Role, covers
from fairtrial.domain.errors import NotAllowed
from fairtrial.domain.limits.json_limits import MESSAGE, excess
from gateway.control.auth.identity import SESSION_COOKIE, Caller, caller_of
from gateway.control.auth.origin_check import refuse_foreign_pages, refuse_strange_names

MIB = 2**20


class Needs:
    """A dependency that gives the caller, and refuses one of a lower role."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, request: Request) -> Caller:
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None:
            caller = request.state.caller = _identified(request)
        if not covers(caller.role, self.role):
            raise NotAllowed(f"this needs the role {self.role}, and {caller.name} is {caller.role}")
        return caller


@functools.cache
def needs(role: Role) -> Needs:
    """The dependency for one role; raises `NotAuthenticated` (401) and `NotAllowed` (403)."""
    return Needs(role)


def anyone() -> None:
    """The dependency of the few routes that need nobody: health, and the pages to sign in."""


Reviewer = Annotated[Caller, Depends(needs("reviewer"))]
ReleaseManager = Annotated[Caller, Depends(needs("release-manager"))]
Admin = Annotated[Caller, Depends(needs("admin"))]


def person(caller: Reviewer) -> Caller:
    """Somebody, not a program: a verdict says how many people judged, and one person may have many keys."""
    if not caller.is_person:
        raise NotAllowed("people judge, not programs: sign in instead of using a key")
    return caller


Person = Annotated[Caller, Depends(person)]


class Guarded(APIRoute):
    """A route that asks its `needs` first, and then reads no more of the body than ``largest`` bytes."""

    largest: ClassVar[int] = MIB

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer, decisions = super().get_route_handler(), tuple(decisions_of(self.dependant))
        if not decisions:
            raise TypeError(f"{self.path}: the route says neither what it needs nor that it is for anyone")
        needed = [each for each in decisions if isinstance(each, Needs)]

        async def guarded(request: Request) -> Response:
            for each in needed:
                await run_in_threadpool(each, request)
            return await answer(_Request(request.scope, _limited(request, self.largest)))

        return guarded


class _Request(Request):
    """A request whose JSON is looked at before it is decoded, which holds up everything else."""

    async def json(self) -> Any:
        beyond = excess(await self.body(), MESSAGE)
        if beyond is not None:
            raise HTTPException(400, f"the body has more than {beyond}")
        return await super().json()


def decisions_of(dependant: Dependant) -> Iterator[Needs | Callable[[], None]]:
    """Everything that a route says of who may use it, by itself or by its router: `Needs`, or `anyone`."""
    for each in dependant.dependencies:
        if isinstance(each.call, Needs) or each.call is anyone:
            yield each.call
        yield from decisions_of(each)


def _identified(request: Request) -> Caller:
    refuse_strange_names(request)
    by_cookie = "authorization" not in request.headers and SESSION_COOKIE in request.cookies
    refuse_foreign_pages(request, by_cookie=by_cookie)
    return caller_of(request)


def _limited(request: Request, largest: int) -> Receive:
    """The body, broken off where it gets too large; refused at once if it says so itself."""
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
    """FastAPI lets no other error out while it reads a body."""
    return HTTPException(413, f"the body is too large (at most {largest // MIB} MiB)")

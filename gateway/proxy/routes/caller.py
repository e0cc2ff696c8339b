"""Identifies the caller of a request that FastAPI serves, from its ASGI scope."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gateway.proxy.plan.routing_table import Caller, Routing
from gateway.proxy.routing.authentication import authenticate
from gateway.proxy.wire.asgi import Scope, header_map
from gateway.proxy.wire.headers import Headers
from gateway.proxy.worker_state import WorkerState


@dataclass(frozen=True, slots=True)
class _ScopeSender:
    """A `Sender` from an ASGI scope."""

    scope: Scope

    @property
    def version(self) -> str:
        return str(self.scope["http_version"])

    def peer(self) -> str | None:
        client = self.scope.get("client")
        return str(client[0]) if client else None


def caller_by_scope(worker: WorkerState, scope: Scope) -> tuple[Routing, Caller, Headers]:
    """The plan in force, the caller and the headers; raises as `authenticate` does."""
    routing, headers = worker.watch.current(), header_map(scope)
    now_us = time.time_ns() // 1000
    caller = authenticate(routing, headers, _ScopeSender(scope), proxies=worker.proxies, now_us=now_us)
    return routing, caller, headers

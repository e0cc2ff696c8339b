"""ASGI's description of a request, for what FastAPI serves; ``turn`` is the request itself."""

from __future__ import annotations

from typing import Any

from gateway.proxy.http_server.request_cycle import Turn
from gateway.proxy.http_server.request_path import RequestPath


def scope_of(turn: Turn, asked: RequestPath) -> dict[str, Any]:
    """The description of a request for the path that was read of it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": turn.version,
        "method": turn.method.decode("ascii"),
        "scheme": "http",
        "path": asked.path,
        "raw_path": asked.raw,
        "root_path": "",
        "query_string": asked.query,
        "headers": [(name.encode("latin-1"), value) for name, value in turn.headers.raw.items()],
        "server": turn.line.address("sockname"),
        "client": turn.line.address("peername"),
        "state": {},
        "turn": turn,
    }

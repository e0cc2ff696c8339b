"""Builds the ASGI scope of a request for FastAPI. Its key ``cycle`` holds the `RequestCycle` itself."""

from __future__ import annotations

from typing import Any

from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.http_server.request_path import RequestPath


def scope_of(cycle: RequestCycle, path: RequestPath) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": cycle.version,
        "method": cycle.method.decode("ascii"),
        "scheme": "http",
        "path": path.path,
        "raw_path": path.raw,
        "root_path": "",
        "query_string": path.query,
        "headers": [(name.encode("latin-1"), value) for name, value in cycle.headers.raw.items()],
        "server": cycle.connection.address("sockname"),
        "client": cycle.connection.address("peername"),
        "state": {},
        "cycle": cycle,
    }

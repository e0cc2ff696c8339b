"""Validates where a visitor is redirected after signing in or out: only to the same host name."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from fastapi import Request

from gateway.control.auth.origin_check import host_name

ADDRESS = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?(?:[/?][\x21-\x5b\x5d-\x7e]*)?")
"""Excludes user names and backslashes, which browsers parse differently."""
LONGEST = 2000


def next_page(request: Request) -> str | None:
    """The address in the parameter ``next``; ``None`` if it is invalid or on another host."""
    wanted = request.query_params.get("next", "")
    if len(wanted) > LONGEST or not ADDRESS.fullmatch(wanted):
        return None
    try:
        return wanted if urlsplit(wanted).hostname == host_name(request) else None
    except ValueError:
        return None


def with_next(path: str, onward: str | None) -> str:
    """The path with ``onward`` as its parameter ``next``."""
    return f"{path}?next={quote(onward, safe='')}" if onward else path

"""Where a visitor goes after signing in or out: only to a page of the host name that they are on."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from fastapi import Request

from gateway.control.auth.origin_check import host_name

ADDRESS = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?(?:[/?][\x21-\x5b\x5d-\x7e]*)?")
"""Neither user names nor backslashes, which browsers read differently from us."""
LONGEST = 2000


def next_page(request: Request) -> str | None:
    """The address that ``next`` asks for; ``None`` if it is of another host or no address."""
    wanted = request.query_params.get("next", "")
    if len(wanted) > LONGEST or not ADDRESS.fullmatch(wanted):
        return None
    try:
        return wanted if urlsplit(wanted).hostname == host_name(request) else None
    except ValueError:
        return None


def with_next(path: str, onward: str | None) -> str:
    """One of our own addresses that remembers where to go afterwards."""
    return f"{path}?next={quote(onward, safe='')}" if onward else path

"""Which paths are passed on to another server, and the word in them that decides which right they need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fairtrial.domain.errors import NotFound
from gateway.proxy.http_server.request_path import folded, shown

PREFIX = "/v1/"
ENDPOINTS = ("/completions", "/responses", "/embeddings", "/models", "/feedback")
"""The ends of paths that clients put behind their `base_url`; chat completions have the first one too."""

TWICE = ("/v1/v1/", "/v1/chat/completions/")
"""What begins as it should, but by a `base_url` that is too long."""

_WORD = re.compile(r"[a-z0-9_-]*")
_SEPARATORS = frozenset("?#")


def path_below(scope: Mapping[str, Any]) -> str:
    """The path below ``/v1`` in its one spelling; `NotFound` for one that is not plain segments."""
    path: str = scope["path"]
    raw: bytes = scope["raw_path"]
    segments = path.removeprefix(PREFIX).split("/")
    if not path.startswith(PREFIX) or not all(map(_is_plain, segments)):
        raise unknown_url(scope)
    return "/" + raw.decode("ascii").removeprefix(PREFIX)


def leading_word(path: str) -> str:
    """The word that the first segment of a path begins with, in lower case: ``models`` of ``Models:all``."""
    found = _WORD.match(folded(path.split("/")[1]))
    return found[0] if found else ""


def unknown_url(scope: Mapping[str, Any]) -> NotFound:
    """OpenAI's answer to a path that does not exist, with a hint where the client's `base_url` is wrong.

    The hint names no host: errors show nothing of where the gateway runs.
    """
    message = f"Invalid URL ({scope['method']} {shown(scope['path'])})"
    return NotFound(message + _base_url_hint(scope), code="unknown_url")


def _base_url_hint(scope: Mapping[str, Any]) -> str:
    """For a client whose `base_url` lacks ``/v1``, has it twice, or goes on behind it."""
    path = scope["path"].rstrip("/")
    below = next((end for end in ENDPOINTS if path.endswith(end)), None)
    if path.startswith(PREFIX):
        below = below if path.startswith(TWICE) else None
    if below is None and path not in ("", "/v1"):
        return ""
    return ". The base_url of this gateway is its address with /v1 behind it"


def with_query(path: str, scope: Mapping[str, Any]) -> str:
    """A path with the query that came with it."""
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _is_plain(segment: str) -> bool:
    """A segment that a server could take for a folder of another name, or for a query, is not passed on."""
    return segment != "" and segment.strip(".") == segment and _SEPARATORS.isdisjoint(segment)

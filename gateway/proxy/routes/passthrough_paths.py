"""Decides which paths are passed through, and finds the word in them that decides which right they need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fairtrial.domain.errors import NotFound
from gateway.proxy.http_server.request_path import folded, shown

PREFIX = "/v1/"
ENDPOINTS = ("/completions", "/responses", "/embeddings", "/models", "/feedback")
"""The ends of paths that clients append to their `base_url`; chat completions have the first one too."""

TWICE = ("/v1/v1/", "/v1/chat/completions/")
"""The beginning of a path behind a `base_url` that is too long."""

_WORD = re.compile(r"[a-z0-9_-]*")
_SEPARATORS = frozenset("?#")


def path_below(scope: Mapping[str, Any]) -> str:
    """The path below ``/v1`` in its one spelling; `NotFound` unless it consists of plain segments."""
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
    """OpenAI's error for a path that does not exist, with a hint if the client's `base_url` is wrong.

    The hint names no host, because errors reveal nothing of where the gateway runs.
    """
    message = f"Invalid URL ({scope['method']} {shown(scope['path'])})"
    return NotFound(message + _base_url_hint(scope), code="unknown_url")


def _base_url_hint(scope: Mapping[str, Any]) -> str:
    """The hint for a `base_url` that lacks ``/v1``, has it twice, or continues behind it."""
    path = scope["path"].rstrip("/")
    below = next((end for end in ENDPOINTS if path.endswith(end)), None)
    if path.startswith(PREFIX):
        below = below if path.startswith(TWICE) else None
    if below is None and path not in ("", "/v1"):
        return ""
    return ". The base_url of this gateway is its address with /v1 behind it"


def with_query(path: str, scope: Mapping[str, Any]) -> str:
    """A path with the request's query."""
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _is_plain(segment: str) -> bool:
    """Whether a segment has only one meaning: not a folder of another name, and not a query."""
    return segment != "" and segment.strip(".") == segment and _SEPARATORS.isdisjoint(segment)

"""Which path goes on to another server: plain segments below ``/v1``, nothing that could be read as another path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from fairtrial.domain.errors import NotFound

PREFIX = "/v1/"
SHOWN = 200
"""Letters of a path that an error repeats."""

ENDPOINTS = ("/completions", "/responses", "/embeddings", "/models", "/feedback")
"""The ends of paths that clients put behind their `base_url`; chat completions have the first one too."""

TWICE = ("/v1/v1/", "/v1/chat/completions/")
"""What begins as it should, but by a `base_url` that is too long."""

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_SEGMENT = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%(?!2[fF5]|5[cC]|[01]|7[fF])[0-9A-Fa-f]{2})+")
"""Letters that a segment may have, and escapes of all but ``/``, ``%``, ``\\`` and control characters."""


def path_below(scope: Mapping[str, Any]) -> str:
    """The path below ``/v1``, as it came; `NotFound` for one that could be read in two ways."""
    raw = scope["raw_path"].decode("latin-1")
    segments = raw.removeprefix(PREFIX).split("/")
    if not raw.startswith(PREFIX) or not all(map(_is_plain, segments)):
        raise unknown_url(scope)
    return "/" + "/".join(segments)


def unknown_url(scope: Mapping[str, Any]) -> NotFound:
    """OpenAI's answer to a path that there isn't, with the right `base_url` for one that a wrong one leads to."""
    message = f"Invalid URL ({scope['method']} {scope['path'][:SHOWN]})"
    return NotFound(message + _base_url_hint(scope), code="unknown_url")


def _base_url_hint(scope: Mapping[str, Any]) -> str:
    """For a client whose `base_url` lacks ``/v1``, has it twice, or goes on behind it."""
    path = scope["path"].rstrip("/")
    below = next((end for end in ENDPOINTS if path.endswith(end)), None)
    if path.startswith(PREFIX):
        below = below if path.startswith(TWICE) else None
    if below is None and path not in ("", "/v1"):
        return ""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    shown = host if _HOST.fullmatch(host) else "HOST:PORT"
    return f". The base_url of this gateway ends in /v1: {scope['scheme']}://{shown}/v1"


def with_query(path: str, scope: Mapping[str, Any]) -> str:
    """A path with the query that came with it."""
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _is_plain(segment: str) -> bool:
    """A segment that begins with a dot is never a name here, but ``..`` or ``..;`` in one of its spellings."""
    return _SEGMENT.fullmatch(segment) is not None and not unquote(segment).startswith(".")

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
    """OpenAI's answer to a path that there isn't."""
    return NotFound(f"Invalid URL ({scope['method']} {scope['path'][:SHOWN]})", code="unknown_url")


def with_query(path: str, scope: Mapping[str, Any]) -> str:
    """A path with the query that came with it."""
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _is_plain(segment: str) -> bool:
    """A segment that begins with a dot is never a name here, but ``..`` or ``..;`` in one of its spellings."""
    return _SEGMENT.fullmatch(segment) is not None and not unquote(segment).startswith(".")

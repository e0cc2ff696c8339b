"""Handles cross-origin requests (WHATWG Fetch, CORS protocol): which web pages may read responses in a browser.

Credentials are never allowed, so a browser sends no cookie and a page must hold its own key. Every response below
``/v1`` carries the headers, rejections and errors included: without them a page could not read why it was rejected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

ANY = "*"
PREFIX = b"/v1/"
EXPOSED = (
    "x-request-id", "retry-after", "retry-after-ms", "x-should-retry", "x-fairtrial-experiment", "x-fairtrial-variant",
    "x-fairtrial-reason", "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens", "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "openai-processing-ms",
)  # fmt: skip
"""Response headers that a page may read besides those that are always readable. The official client reads them."""

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
MAX_AGE_SECONDS = 600
_VARY = b"vary: Origin\r\n"
_VARY_PREFLIGHT = b"vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n"
_TOKENS = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")
_EXPOSE = b"access-control-expose-headers: %b\r\n" % ", ".join(EXPOSED).encode()


class Cors:
    """The allowed origins. ``is_open``: whether the gateway requires no key now, and then ``*`` allows no page."""

    __slots__ = ("_any", "_is_open", "_origins")

    def __init__(self, origins: Sequence[str], is_open: Callable[[], bool]) -> None:
        self._any = ANY in origins
        self._origins = frozenset(origin.encode("latin-1") for origin in origins if origin != ANY)
        self._is_open = is_open

    def lines(self, target: bytes, headers: Mapping[str, bytes]) -> bytes:
        """The header lines of any response to this request."""
        if not target.startswith(PREFIX):
            return b""
        allowed = self._allowed(headers)
        if allowed is None:
            return b"" if self._any else _VARY
        vary = b"" if self._any else _VARY
        return b"access-control-allow-origin: %b\r\n%b%b" % (allowed, _EXPOSE, vary)

    def preflight(self, method: bytes, target: bytes, headers: Mapping[str, bytes]) -> list[bytes] | None:
        """More header lines for the response to an allowed preflight, else ``None``."""
        asks = method == b"OPTIONS" and "access-control-request-method" in headers
        if not asks or not target.startswith(PREFIX) or self._allowed(headers) is None:
            return None
        lines = [b"access-control-allow-methods: %b\r\n" % METHODS]
        lines.append(b"access-control-max-age: %d\r\n" % MAX_AGE_SECONDS)
        asked = headers.get("access-control-request-headers", b"").strip()
        if _TOKENS.fullmatch(asked):
            lines.append(b"access-control-allow-headers: %b\r\n" % asked)
        return [*lines, _VARY_PREFLIGHT]

    def _allowed(self, headers: Mapping[str, bytes]) -> bytes | None:
        if self._any:
            return None if self._is_open() else ANY.encode()
        origin = headers.get("origin")
        return origin if origin in self._origins else None

"""Cross-origin requests (WHATWG Fetch, CORS protocol): which web pages may read the gateway's answers in a browser.

Credentials are never allowed, so a browser sends no cookie and a page must hold a key of its own. Every answer below
``/v1`` carries the headers, refusals and errors included: without them a page could not read why it was refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

ANY = "*"
PREFIX = b"/v1/"
EXPOSED = (
    "x-request-id", "retry-after", "retry-after-ms", "x-should-retry", "x-fairtrial-experiment", "x-fairtrial-variant",
    "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens", "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "openai-processing-ms",
)  # fmt: skip
"""Headers of answers that a page may read beside those that are always readable; the official client reads them."""

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
MAX_AGE_SECONDS = 600
_VARY = b"vary: Origin\r\n"
_VARY_PREFLIGHT = b"vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n"
_TOKENS = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")
_EXPOSE = b"access-control-expose-headers: %b\r\n" % ", ".join(EXPOSED).encode()


class Cors:
    """The origins that may; ``is_open``: whether the gateway asks for no key now, and then ``*`` allows nobody."""

    __slots__ = ("_any", "_is_open", "_origins")

    def __init__(self, origins: Sequence[str], is_open: Callable[[], bool]) -> None:
        self._any = ANY in origins
        self._origins = frozenset(origin.encode("latin-1") for origin in origins if origin != ANY)
        self._is_open = is_open

    def lines(self, target: bytes, headers: Mapping[str, bytes]) -> bytes:
        """The header lines of any answer to this request."""
        if not target.startswith(PREFIX):
            return b""
        allowed = self._allowed(headers)
        if allowed is None:
            return b"" if self._any else _VARY
        vary = b"" if self._any else _VARY
        return b"access-control-allow-origin: %b\r\n%b%b" % (allowed, _EXPOSE, vary)

    def preflight(self, method: bytes, target: bytes, headers: Mapping[str, bytes]) -> list[bytes] | None:
        """The header lines of the answer to a preflight of an origin that may, beside `lines`; else nothing."""
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

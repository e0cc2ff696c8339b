"""Holds headers as they came, looked up by lower-case name; selects those of an upstream that a client gets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

KNOWN_NAMES, LONG = 4096, 64
NAMES: dict[bytes, str] = {}
TAGS_HEADER = "x-fairtrial-tags"
TRACE_HEADER = "traceparent"
_TRACE = re.compile(rb"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
NOT_RETURNED = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade", "content-length", "content-encoding", "date", "server", "via", "x-powered-by", "x-served-by",
        "set-cookie", "set-cookie2", "www-authenticate", "alt-svc", "strict-transport-security", "location", "refresh",
        "clear-site-data", "content-security-policy", "nel", "report-to", "reporting-endpoints", "x-request-id",
        "x-accel-redirect", "x-sendfile",
    }
)  # fmt: skip
"""Headers about the upstream's host or connection, and those that a browser or a proxy would act on."""

NOT_RETURNED_PREFIXES = ("access-control-", "x-fairtrial-", "cross-origin-", "proxy-", "x-accel-")


class Headers(Mapping[str, str]):
    """``raw``: lower-case names to undecoded values; repeated headers are joined by commas (RFC 9110 §5.3)."""

    __slots__ = ("raw",)

    def __init__(self, raw: dict[str, bytes]) -> None:
        self.raw = raw

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> Headers:
        """Make it from texts. A character that Latin-1 lacks becomes a question mark."""
        return cls({name.lower(): value.encode("latin-1", "replace") for name, value in pairs.items()})

    def __getitem__(self, name: str) -> str:
        return self.raw[name].decode("latin-1")

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The value as Latin-1, which can decode any bytes."""
        value = self.raw.get(name)
        return default if value is None else value.decode("latin-1")

    def text(self, name: str) -> str:
        """The value, or "" if there is none."""
        value = self.raw.get(name)
        return "" if value is None else value.decode("latin-1")

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


def lower(name: bytes) -> str:
    """A header's name in lower case. Look into `NAMES` first, which caches the results."""
    text = name.decode("latin-1").lower()
    if len(NAMES) < KNOWN_NAMES and len(name) < LONG:  # long names from clients must not fill the memory
        NAMES[name] = text
    return text


def trace_of(line: bytes) -> tuple[str, str] | None:
    """The trace and span of a ``traceparent``; ``None`` if it is invalid (W3C Trace Context, section 3.2)."""
    parts = _TRACE.match(line)
    whole = parts is not None and (parts.end() == len(line) or (line[:2] != b"00" and line[parts.end()] == ord("-")))
    if parts is None or not whole or not parts[1].strip(b"0") or not parts[2].strip(b"0"):
        return None
    return parts[1].decode(), parts[2].decode()


def is_returned(name: str) -> bool:
    """Whether the client gets an upstream's header of this lower-case name."""
    return name not in NOT_RETURNED and not name.startswith(NOT_RETURNED_PREFIXES)

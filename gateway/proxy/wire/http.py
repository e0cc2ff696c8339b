"""Handles HTTP itself: headers as they came, whole responses by ASGI, cross-origin rules, and framing."""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Generic, TypeVar

KNOWN_NAMES, LONG_NAME = 4096, 64
PROVIDER_IDS = (
    "x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "mistral-correlation-id", "msh-request-id",
    "x-ds-trace-id", "x-goog-request-id", "x-together-traceid", "cf-ray",
)  # fmt: skip
"""The headers in which OpenAI and compatible servers, Anthropic, Azure, Amazon and others name their requests."""

WAITS = (("retry-after-ms", 1000.0), ("retry-after", 1.0))
"""The headers in which a provider asks to wait, with their units in a second."""

WAIT = re.compile(rb"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_DATE = re.compile(rb"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")
"""RFC 9110 §5.6.7."""

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
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]
Name = TypeVar("Name", bound=str | bytes)
Value = TypeVar("Value")
JSON_TYPE: Header = (b"content-type", b"application/json")
JSON_LINE = b"content-type: application/json\r\n"
ANY_ORIGIN = "*"
CORS_PREFIX = b"/v1/"
EXPOSED = (
    "x-request-id", "retry-after", "retry-after-ms", "x-should-retry", "x-fairtrial-experiment", "x-fairtrial-variant",
    "x-fairtrial-reason", "x-fairtrial-successor", "deprecation", "sunset", "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens", "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "openai-processing-ms",
)  # fmt: skip
"""Response headers that a page may read besides those that are always readable. The official client reads them."""

CORS_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
PREFLIGHT_SECONDS = 600
_VARY = b"vary: Origin\r\n"
_VARY_PREFLIGHT = b"vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n"
_TOKENS = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")
_EXPOSE = b"access-control-expose-headers: %b\r\n" % ", ".join(EXPOSED).encode()
NOT_HTTP = "the request is not well-formed HTTP/1.1"
TWO_HOSTS = "host: is given twice"


class Headers(Mapping[str, str]):
    """``raw``: lower-case names to undecoded values; repeated headers are joined by commas (RFC 9110 §5.3)."""

    __slots__ = ("raw",)

    def __init__(self, raw: dict[str, bytes]) -> None:
        self.raw = raw

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> "Headers":
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


class NameCache(Generic[Name, Value]):
    """Caches what a function returns for headers' names. Call `get` first, which is a dictionary's, and then `find`."""

    __slots__ = ("_function", "_known", "get")

    def __init__(self, function: Callable[[Name], Value]) -> None:
        self._function = function
        self._known: dict[Name, Value] = {}
        self.get = self._known.get

    def find(self, name: Name) -> Value:
        """The value of a name that `get` does not know."""
        value = self._function(name)
        if len(name) < LONG_NAME:  # long names from clients must not fill the memory
            if len(self._known) >= KNOWN_NAMES:
                self._known.clear()
            self._known[name] = value
        return value


NAMES = NameCache[bytes, str](lambda name: name.decode("latin-1").lower())
"""Headers' names in lower case."""


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


def odd_waits(headers: Headers) -> tuple[str, ...]:
    """The names of the headers whose wait is neither a number nor a date, which a client may misread."""
    raw = headers.raw
    if "retry-after" not in raw and "retry-after-ms" not in raw:
        return ()  # at once, as nearly always
    return tuple(
        name for name, _ in WAITS if name in raw and not (WAIT.fullmatch(raw[name]) or _DATE.fullmatch(raw[name]))
    )


class ClientGone(Exception):
    """The client disconnected before its request was complete."""


def header_map(scope: Scope) -> Headers:
    """The request's headers. The server gives each name once, in lower case."""
    return Headers({name.decode("latin-1"): value for name, value in scope["headers"]})


def lines_of(headers: Iterable[Header]) -> list[bytes]:
    """Headers as lines of a head, each with its line end."""
    return [b"%b: %b\r\n" % header for header in headers]


async def send_whole(send: Send, status: int, body: bytes, *, headers: Sequence[Header]) -> None:
    """Send one response with its length. ``headers`` must not hold the length."""
    sized = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})


class Cors:
    """The allowed origins. ``is_open``: whether the gateway requires no key now, and then ``*`` allows no page."""

    __slots__ = ("_any", "_is_open", "_origins")

    def __init__(self, origins: Sequence[str], is_open: Callable[[], bool]) -> None:
        self._any = ANY_ORIGIN in origins
        self._origins = frozenset(origin.encode("latin-1") for origin in origins if origin != ANY_ORIGIN)
        self._is_open = is_open

    def lines(self, target: bytes, headers: Mapping[str, bytes]) -> bytes:
        """The header lines of any response to this request."""
        if not target.startswith(CORS_PREFIX):
            return b""
        allowed = self._allowed(headers)
        if allowed is None:
            return b"" if self._any else _VARY
        vary = b"" if self._any else _VARY
        return b"access-control-allow-origin: %b\r\n%b%b" % (allowed, _EXPOSE, vary)

    def preflight(self, method: bytes, target: bytes, headers: Mapping[str, bytes]) -> list[bytes] | None:
        """More header lines for the response to an allowed preflight, else ``None``."""
        asks = method == b"OPTIONS" and "access-control-request-method" in headers
        if not asks or not target.startswith(CORS_PREFIX) or self._allowed(headers) is None:
            return None
        lines = [b"access-control-allow-methods: %b\r\n" % CORS_METHODS]
        lines.append(b"access-control-max-age: %d\r\n" % PREFLIGHT_SECONDS)
        requested = headers.get("access-control-request-headers", b"").strip()
        if _TOKENS.fullmatch(requested):
            lines.append(b"access-control-allow-headers: %b\r\n" % requested)
        return [*lines, _VARY_PREFLIGHT]

    def _allowed(self, headers: Mapping[str, bytes]) -> bytes | None:
        if self._any:
            return None if self._is_open() else ANY_ORIGIN.encode()
        origin = headers.get("origin")
        return origin if origin in self._origins else None


def wrong_coding(transfer_encoding: bytes | None, te: bytes | None) -> str | None:
    """What is wrong with the codings of a head, or ``None``. Only the coding ``chunked`` can be read here.

    Source: RFC 9112 §6.1 and §7.4; a sender does not list ``chunked`` in ``te``.
    """
    if transfer_encoding is not None and transfer_encoding.strip().lower() != b"chunked":
        return "transfer-encoding: only chunked can be read here"
    if te is not None and b"chunked" in te.lower():
        return "te: names chunked, which is always accepted and must not be listed"
    return None

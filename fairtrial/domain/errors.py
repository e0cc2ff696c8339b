"""Defines all errors; HTTP and the command line each map them once.

FairtrialError
├── UsageError              wrong use of the command line                     exit 2
│   ├── ConfigError         errors in YAML, all of them at once             exit 2
│   ├── StoreLocked         another process owns the store                    exit 2
│   └── PortTaken           the address is in use                             exit 2
├── StoreError              the store cannot be opened, migrated or read      exit 2
│   ├── StoreExhausted      not enough memory or disk                         exit 2
│   └── ControlSilent       control is hung or can't be reached               exit 69
├── JournalError            a segment cannot be written or read
├── PlanRefused             a plan that must not be published
├── DigestRefused           a value that no digest can cover
└── RequestError            the response to a caller of the data plane        HTTP status and OpenAI's envelope
    ├── BadRequest 400 · NotAuthenticated 401 · NotAllowed 403 · NotFound 404 · TooSlow 408 · Conflict 409
    ├── TooLarge 413 · RateLimited 429 · Unavailable 503 (Overloaded)
    └── UpstreamError       the model's server failed                         502, 503, 504
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar, TypeVar

T = TypeVar("T")
USAGE_ERROR = 2
"""The exit code of a wrong command line or file, as of click."""
CONTROL_SILENT = 69
"""The exit code of commands that get no answer from control (EX_UNAVAILABLE of sysexits.h)."""
INTERNAL_ERROR = 70
"""The exit code of an internal error (EX_SOFTWARE of sysexits.h), distinct from all verdicts and usage errors."""
STORE_UNUSABLE = 74
"""The exit code of `fairtrial control` if its store is unusable (EX_IOERR of sysexits.h); traffic can continue."""
INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 + SIGINT, as of a shell."""
MOST_SHOWN, MOST_COMPARED = 12, 200


class FairtrialError(Exception):
    """The base of all errors that fairtrial raises; the message has the form *where: problem (hint)*."""

    exit_code: ClassVar[int] = USAGE_ERROR


class UsageError(FairtrialError):
    """The command was used wrongly, or names something that does not exist."""


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One error in a file: prints as ``file:line: path.to.field: what is wrong (what is known)``."""

    file: str
    line: int
    path: str
    wrong: str
    known: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " + (f"{printable(self.path)}: " if self.path else "")
        return where + self.wrong + (f" ({self.known})" if self.known else "")


class ConfigError(UsageError):
    """A file with errors: all of them, in the order of the file."""

    def __init__(self, errors: Sequence[Diagnostic]) -> None:
        self.errors = tuple(sorted(errors))
        super().__init__("\n".join(str(error) for error in self.errors))


class StoreLocked(UsageError):
    """Another process owns the store; the message names it."""


class PortTaken(UsageError):
    """The address to listen on is in use; the message names it."""


class StoreError(FairtrialError):
    """The store cannot be opened, migrated or read."""


class StoreExhausted(StoreError):
    """The store needs more memory or disk; the message says what to do."""


class ControlSilent(StoreError):
    """Control owns the store but does not answer; the message says what works without it."""

    exit_code = CONTROL_SILENT


class UnreadableAnswer(StoreError):
    """Control did what was requested, and this version can't read its answer."""


class JournalError(FairtrialError):
    """A journal segment cannot be written or read."""


class PlanRefused(FairtrialError):
    """A plan that must not be published; the last valid plan stays in force."""


class DigestRefused(FairtrialError):
    """A value of a type that has no canonical form, so that its digest would not identify it."""


class RequestError(FairtrialError):
    """An error response of the data plane, in OpenAI's envelope."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"

    def __init_subclass__(cls, *, status: int | None = None, kind: str | None = None) -> None:
        cls.status, cls.type = status or cls.status, kind or cls.type

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


class BadRequest(RequestError, status=400, kind="invalid_request_error"):
    """The request is malformed or invalid."""


class NotAuthenticated(RequestError, status=401, kind="invalid_request_error"):
    """The key is missing or wrong; the message does not reveal which."""


class NotAllowed(RequestError, status=403, kind="permission_error"):
    """The key is valid but lacks the right."""


class NotFound(RequestError, status=404, kind="invalid_request_error"):
    """The model, path or request does not exist."""


def existing(value: T | None, noun: str, name: str) -> T:
    """The requested object; raises `NotFound` for ``None``."""
    if value is None:
        raise NotFound(f"{noun}: there is no {noun} with the id {name!r}", code=f"{noun}_not_found")
    return value


class TooSlow(RequestError, status=408, kind="invalid_request_error"):
    """The request body was incomplete or arrived too slowly."""


class Conflict(RequestError, status=409, kind="conflict"):
    """The resource has changed: it is claimed by another user, or has ended."""


class TooLarge(RequestError, status=413, kind="invalid_request_error"):
    """The body is larger than the limit."""


class RateLimited(RequestError, status=429, kind="rate_limit_error"):
    """The caller uses its whole share of the gateway; such requests are counted but not recorded."""


class Unavailable(RequestError, status=503, kind="server_error"):
    """The gateway cannot serve now, because it has no plan, is draining or is overloaded."""


class Overloaded(Unavailable):
    """The gateway is at its capacity; such requests are counted but not recorded."""


class UpstreamError(RequestError, status=502, kind="upstream_error"):
    """The upstream is unreachable, or closed the connection before its response began."""


class UpstreamTimeout(UpstreamError, status=504):
    """The upstream did not begin its response in time."""


class UpstreamUnavailable(UpstreamError, status=503):
    """The upstream failed several times in a row, so it is not called for some time. ``retry_after``: seconds."""

    def __init__(self, message: str, *, code: str, retry_after: int) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line and paragraph separators, and surrogates."""


def printable(text: str) -> str:
    """The text with each control character as an escape, for terminals and logs."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def control_character(text: str) -> str | None:
    """The first control character of a name, such as ``U+0007``, or ``None``."""
    match = _CONTROL.search(text)
    return None if match is None else f"U+{ord(match[0]):04X}"


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?``, or the known names when none is close."""
    names = sorted(known)
    near = get_close_matches(name[:100], names[:MOST_COMPARED], n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return f"known: {', '.join(names[:MOST_SHOWN])}{more}" if names else "there are none"

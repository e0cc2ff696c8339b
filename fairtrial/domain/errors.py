"""Defines all errors; HTTP and the command line each map them once.

FairtrialError
├── UsageError              wrong use of the command line                     exit 2
│   ├── ConfigError         errors in YAML, all of them at once             exit 2
│   ├── StoreLocked         another process owns the store                    exit 2
│   └── PortTaken           the address is in use                             exit 2
├── StoreError              the store cannot be opened, migrated or read      exit 2
│   └── StoreExhausted      not enough memory or disk                         exit 2
├── JournalError            a segment cannot be written or read
├── PlanRefused             a plan that must not be published
├── DigestRefused           a value that no digest can cover
└── RequestError            the response to a caller of the data plane        HTTP status and OpenAI's envelope
    ├── BadRequest 400 · NotAuthenticated 401 · NotAllowed 403 · NotFound 404 · TooSlow 408 · Conflict 409
    ├── TooLarge 413 · RateLimited 429 · Unavailable 503 (Overloaded)
    └── UpstreamError       the model's server failed                         502, 503, 504
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

T = TypeVar("T")
STORE_UNUSABLE = 74
"""The exit code of `fairtrial control` if its store is unusable (EX_IOERR of sysexits.h); traffic can continue."""


class FairtrialError(Exception):
    """The base of all errors that fairtrial raises; the message has the form *where: problem (hint)*."""

    exit_code: ClassVar[int] = 2


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

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


class BadRequest(RequestError):
    """The request is malformed or invalid."""

    status = 400
    type = "invalid_request_error"


class NotAuthenticated(RequestError):
    """The key is missing or wrong; the message does not reveal which."""

    status = 401
    type = "invalid_request_error"


class NotAllowed(RequestError):
    """The key is valid but lacks the right."""

    status = 403
    type = "permission_error"


class NotFound(RequestError):
    """The model, path or request does not exist."""

    status = 404
    type = "invalid_request_error"


def not_found(noun: str, name: str) -> NotFound:
    """The error for a requested object that does not exist."""
    return NotFound(f"{noun}: there is no {noun} with the id {name!r}", code=f"{noun}_not_found")


def existing(value: T | None, noun: str, name: str) -> T:
    """The requested object; raises `NotFound` for ``None``."""
    if value is None:
        raise not_found(noun, name)
    return value


class TooSlow(RequestError):
    """The request body was incomplete or arrived too slowly."""

    status = 408
    type = "invalid_request_error"


class Conflict(RequestError):
    """The resource has changed: it is claimed by another user, or has ended."""

    status = 409
    type = "conflict"


class TooLarge(RequestError):
    """The body is larger than the limit."""

    status = 413
    type = "invalid_request_error"


class RateLimited(RequestError):
    """The caller uses its whole share of the gateway; such requests are counted but not recorded."""

    status = 429
    type = "rate_limit_error"


class Unavailable(RequestError):
    """The gateway cannot serve now, because it has no plan, is draining or is overloaded."""

    status = 503
    type = "server_error"


class Overloaded(Unavailable):
    """The gateway is at its capacity; such requests are counted but not recorded."""


class UpstreamError(RequestError):
    """The upstream is unreachable, or closed the connection before its response began."""

    status = 502
    type = "upstream_error"


class UpstreamTimeout(UpstreamError):
    """The upstream did not begin its response in time."""

    status = 504


class UpstreamUnavailable(UpstreamError):
    """The upstream failed several times in a row, so it is not called for some time. ``retry_after``: seconds."""

    status = 503

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

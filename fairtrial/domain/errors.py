"""The one error tree; each edge (HTTP, command line) maps it once.

FairtrialError
├── UsageError              the command line was used wrongly                 exit 2
│   ├── ConfigError         mistakes in YAML, all of them at once             exit 2
│   ├── StoreLocked         another process owns the store                    exit 2
│   └── PortTaken           the address is in use                             exit 2
├── StoreError              the store can't be opened, migrated or read       exit 2
│   └── StoreExhausted      memory or disk did not suffice                    exit 2
├── JournalError            a segment can't be written or read
├── PlanRefused             a plan that must not be published
└── RequestError            what a caller of the data plane did or met        HTTP status and OpenAI's envelope
    ├── BadRequest 400 · NotAuthenticated 401 · NotAllowed 403 · NotFound 404 · TooSlow 408 · Conflict 409
    ├── TooLarge 413 · RateLimited 429 · Unavailable 503 (Overloaded)
    └── UpstreamError       the model's server failed                         502, 504
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fairtrial.domain.names.printable import printable

STORE_UNUSABLE = 74
"""The exit code of `fairtrial control` when its store can't be used (EX_IOERR of sysexits.h): traffic can go on."""


class FairtrialError(Exception):
    """Everything that fairtrial raises on purpose; the message says *where: what is wrong (what is known)*."""

    exit_code: ClassVar[int] = 2


class UsageError(FairtrialError):
    """The command was used wrongly, or what it names does not exist."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a file: prints as ``file:line: path.to.field: what is wrong (what is known)``."""

    file: str
    line: int
    path: str
    wrong: str
    known: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " + (f"{printable(self.path)}: " if self.path else "")
        return where + self.wrong + (f" ({self.known})" if self.known else "")


class ConfigError(UsageError):
    """A file with mistakes: all of them, in the order of the file."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class StoreLocked(UsageError):
    """Another process owns the store; the message names it."""


class PortTaken(UsageError):
    """The address to listen on is in use; the message names it."""


class StoreError(FairtrialError):
    """The store can't be opened, migrated or read."""


class StoreExhausted(StoreError):
    """The store had not enough memory or disk for this; the message says what to do."""


class JournalError(FairtrialError):
    """A journal segment can't be written or read."""


class PlanRefused(FairtrialError):
    """A plan that must not be published: the last good one stays."""


class RequestError(FairtrialError):
    """What a caller of the data plane gets, in OpenAI's envelope."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


class BadRequest(RequestError):
    """The request can't be understood."""

    status = 400
    type = "invalid_request_error"


class NotAuthenticated(RequestError):
    """No key, or a wrong one; the message never says which."""

    status = 401
    type = "invalid_request_error"


class NotAllowed(RequestError):
    """The key is right but has not this right."""

    status = 403
    type = "permission_error"


class NotFound(RequestError):
    """There is no such model, path or request."""

    status = 404
    type = "invalid_request_error"


class TooSlow(RequestError):
    """The body stopped coming before it was whole, or came too slowly."""

    status = 408
    type = "invalid_request_error"


class Conflict(RequestError):
    """What is asked for is not so any more: somebody else has it, or it has ended."""

    status = 409
    type = "conflict"


class TooLarge(RequestError):
    """The body is larger than the limit."""

    status = 413
    type = "invalid_request_error"


class RateLimited(RequestError):
    """The caller uses its whole share of the gateway; counted, and not recorded."""

    status = 429
    type = "rate_limit_error"


class Unavailable(RequestError):
    """The gateway can't serve now: no plan yet, draining, or overloaded."""

    status = 503
    type = "server_error"


class Overloaded(Unavailable):
    """The gateway has all that it can carry; counted, and not recorded."""


class UpstreamError(RequestError):
    """The model's server can't be reached or broke off before its answer began."""

    status = 502
    type = "upstream_error"


class UpstreamTimeout(UpstreamError):
    """The model's server did not begin its answer in time."""

    status = 504

"""The seam to a model's server: send one request, read its answer in the pieces in which it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.proxy.wire.headers import Headers


class TransportError(Exception):
    """The connection failed or broke; ``kind`` says how: ``connect``, ``reset``, ``bad_answer``, ``timeout``, ..."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


WHOLE_LIMIT = 256 * 2**20
"""Bytes of an answer that is sent on as it came; a thousand embeddings are tens of MiB."""

EVENT_LIMIT = 32 * 2**20
"""Bytes of one event of a stream, and of everything that is translated, which takes several times its size."""

STATUSES = range(200, 600)
"""What the head of an answer may say; any other status can't be sent on."""


def too_large(limit: int) -> TransportError:
    """The error of an answer beyond its limit, whoever meets it: an upstream must not fill a worker's memory."""
    return TransportError("too_large", f"the answer is larger than {limit // 2**20} MiB")


@dataclass(slots=True)
class UpstreamRequest:
    """One request to an upstream, at an absolute URL; ``connect_seconds`` bounds the connection alone.

    ``on_resend`` is called before the request is sent a second time, with the error of the first time.
    """

    url: str
    headers: Headers
    body: bytes
    connect_seconds: float
    method: str = "POST"
    on_resend: Callable[[TransportError], None] | None = None


@dataclass(frozen=True, slots=True)
class TranslatedRequest:
    """One chat completion for a provider with a protocol of its own: OpenAI's body, and where and how from the plan.

    ``name`` is the deployment's; ``seconds`` bounds the whole call.
    """

    name: str
    provider: str
    model: str
    base_url: str
    api_key: str | None
    body: bytes
    stream: bool
    seconds: float


class UpstreamAnswer(Protocol):
    """An answer whose head has come."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    async def read(self) -> bytes:
        """The next piece as it comes, ``b""`` at the proper end; `TransportError` if it breaks off before."""
        ...

    def release(self) -> None:
        """Give the connection back if the answer was read to its end, else close it; may be called twice."""
        ...


class Transport(Protocol):
    """A pool of connections to upstreams, one for each worker."""

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send it and wait for the answer's head; `TransportError` if there is none. Redirects are not followed."""
        ...

    async def close(self) -> None: ...


class Translation(Protocol):
    """The way to providers that need a translation, one for each worker."""

    def warm(self) -> None:
        """Get ready in the background: the first request should not have to wait."""
        ...

    async def ready(self) -> None:
        """Wait until it is."""
        ...

    async def send(self, request: TranslatedRequest) -> UpstreamAnswer:
        """Send it and wait for an answer in OpenAI's form, of a stream for its first chunk.

        A provider's error is an answer too. `TransportError` if there is none, `RequestError` for a body that can't be
        translated.
        """
        ...

"""Defines the transport to a model's server: send one request, and read its response in pieces as they arrive."""

from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from gateway.proxy.wire.http import Headers


class TransportError(Exception):
    """The connection failed or broke. ``kind`` says how: ``connect``, ``reset``, ``bad_answer``, ``timeout``, ..."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def copy(self) -> "TransportError":
        """A new error to raise in place of one that is kept.

        A raised error refers to the frames that it passed, and they refer to what keeps it. Only a garbage collection
        would free such a cycle and the bodies in it, and a worker makes few of them.
        """
        return TransportError(self.kind, str(self))


WHOLE_LIMIT = 256 * 2**20
"""Bytes of a whole response; a thousand embeddings are tens of MiB."""

EVENT_LIMIT = 32 * 2**20
"""Bytes of one event of a stream, and of any translated response, because translation takes several times its size."""

STATUSES = range(200, 600)
"""Final statuses. A response with any other status can't be sent on."""


def too_large(limit: int) -> TransportError:
    """The error of a response beyond its limit: an upstream must not fill a worker's memory."""
    return TransportError("too_large", f"the answer is larger than {limit // 2**20} MiB")


class UpstreamRequest(msgspec.Struct):
    """One request to an upstream, at an absolute URL. ``connect_seconds`` bounds only the connecting.

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
    """One chat completion for a provider with its own protocol: OpenAI's body, and the call's settings from the plan.

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


class UpstreamResponse(Protocol):
    """A response whose head has arrived."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    async def read(self) -> bytes:
        """The next piece as it arrives, ``b""`` at the proper end; `TransportError` if it breaks off before."""
        ...

    def release(self) -> None:
        """Give the connection back if the response was read to its end, else close it. It may be called twice."""
        ...


class Transport(Protocol):
    """A pool of connections to upstreams, one for each worker."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send it and wait for the response's head; `TransportError` if there is none. Redirects are not followed."""
        ...

    async def close(self) -> None: ...


class UploadTransport(Transport, Protocol):
    """A transport that can also stream a request's body."""

    async def send(self, request: UpstreamRequest, pieces: AsyncIterable[bytes] | None = None) -> UpstreamResponse:
        """See `Transport`. ``pieces``: a body that is streamed, in place of the request's own."""
        ...


class Translation(Protocol):
    """The way to providers that need a translation, one for each worker."""

    def warm(self) -> None:
        """Prepare in the background, so that the first request need not wait."""
        ...

    async def ready(self) -> None:
        """Wait until it is prepared."""
        ...

    async def send(self, request: TranslatedRequest) -> UpstreamResponse:
        """Send it and wait for a response in OpenAI's form; for a stream, for its first chunk.

        A provider's error is a response too. Raises `TransportError` if there is none, and `RequestError` for a body
        that can't be translated.
        """
        ...

"""Forwards a request to another server and its response back, in pieces and without recording either."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

from starlette.responses import Response

from fairtrial.domain.errors import TooLarge, UpstreamError, UpstreamTimeout
from fairtrial.domain.limits.constants import FIRST_ERROR
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.http_server.request_reader import too_slow
from gateway.proxy.plan.provider_secret import BlankedPieces
from gateway.proxy.plan.routing_table import Endpoint
from gateway.proxy.transport.transport import TransportError, UpstreamResponse
from gateway.proxy.wire.http import ClientGone, Header, Receive, Scope, Send, is_returned, odd_waits, send_whole
from gateway.proxy.wire.openai_errors import envelope

UPLOAD_LIMIT = 2**30
"""Bytes of a forwarded request's body."""

ERROR_LIMIT = 2**20
REDIRECTS = range(300, 400)
NOT_MODIFIED = 304
SendBody = Callable[[AsyncIterable[bytes]], Awaitable[UpstreamResponse]]


class Upload:
    """A request's body in the pieces in which it arrives, readable once. ``over`` is set at its end.

    ``failure``: why it broke off, because the upstream's connection reports only that it broke.
    """

    def __init__(self, receive: Receive, cycle: RequestCycle) -> None:
        self.over = asyncio.Event()
        self.failure: Exception | None = None
        self._receive = receive
        self._turn = cycle
        self._begun = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._begun:
            raise ConnectionResetError("a body that comes once can't be sent twice")
        self._begun = True
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        size, more = 0, True
        while more:
            message = await self._receive()
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if message["type"] == "http.disconnect":
                self.failure = too_slow() if self._turn.slow else ClientGone()
            elif size > UPLOAD_LIMIT:
                self.failure = too_large()
            if self.failure is not None:
                raise self.failure
            more = message.get("more_body", False)
            if piece:
                yield piece
        self.over.set()


class ForwardedResponse(Response):
    """Forwards a request and its response, without the provider's key. A client's disconnect ends the upstream call.

    ``sending`` gets the body's pieces; ``uploaded``: the body was read before.
    """

    def __init__(self, endpoint: Endpoint, sending: SendBody, *, uploaded: bool) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._sending = sending
        self._uploaded = uploaded
        self._gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; `UpstreamError` while nothing was sent. Afterwards the connection breaks as the upstream's did."""
        upload = Upload(receive, scope["cycle"])
        if self._uploaded:
            upload.over.set()
        serving = asyncio.current_task()
        assert serving is not None
        watcher = asyncio.create_task(self._watch(upload, receive, serving))
        try:
            await self._serve(upload, send)
        except ClientGone:
            return
        except asyncio.CancelledError:
            if not self._gone:
                raise
            serving.uncancel()
        finally:
            watcher.cancel()

    async def _watch(self, upload: Upload, receive: Receive, serving: asyncio.Task[None]) -> None:
        await upload.over.wait()
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        serving.cancel()

    async def _serve(self, upload: Upload, send: Send) -> None:
        answer = await self._head(upload)
        try:
            if answer.status in REDIRECTS and answer.status != NOT_MODIFIED:
                message = f"{self._endpoint.name}: answered with a redirect, which is not followed"
                raise UpstreamError(message, code="upstream_redirect")
            if answer.status >= FIRST_ERROR:
                await self._relay_error(answer, send)
            else:
                await self._relay(answer, send)
        finally:
            answer.release()

    async def _head(self, upload: Upload) -> UpstreamResponse:
        limits = self._endpoint.deployment.timeouts
        seconds = limits.first_byte if self._uploaded else limits.total
        try:
            async with asyncio.timeout(seconds):
                return await self._sending(upload)
        except TransportError as error:
            raise upload.failure or self._failure(error) from error
        except TimeoutError:
            message = f"{self._endpoint.name}: no answer began within {seconds:g} s"
            raise UpstreamTimeout(message, code="upstream_timeout") from None

    async def _relay(self, answer: UpstreamResponse, send: Send) -> None:
        piece = await self._piece(answer)  # a response that breaks before its first byte is an error with a status
        blanked = BlankedPieces(self._endpoint.secret)
        await send({"type": "http.response.start", "status": answer.status, "headers": self._kept_headers(answer)})
        try:
            while piece:
                async with asyncio.timeout(self._endpoint.deployment.timeouts.idle):
                    await send({"type": "http.response.body", "body": blanked.feed(piece), "more_body": True})
                piece = await self._piece(answer)
        except (UpstreamError, TimeoutError):
            return  # an unfinished response closes the connection, also for a client that does not read
        await send({"type": "http.response.body", "body": blanked.rest()})

    async def _relay_error(self, answer: UpstreamResponse, send: Send) -> None:
        """Send an error as it came, or an envelope if it is not JSON."""
        body = b""
        while len(body) <= ERROR_LIMIT and (piece := await self._piece(answer)):
            body += piece
        headers = [header for header in self._kept_headers(answer) if header[0] != b"content-length"]
        if len(body) > ERROR_LIMIT or not body.lstrip().startswith(b"{"):
            message = f"{self._endpoint.name}: answered {answer.status} without JSON"
            body = envelope(message, kind="upstream_error", code="upstream_error")
            headers = [header for header in headers if header[0] != b"content-type"]
            headers.append((b"content-type", b"application/json"))
        secret = self._endpoint.secret
        await send_whole(send, answer.status, body if secret is None else secret.blank(body), headers=headers)

    def _kept_headers(self, answer: UpstreamResponse) -> list[Header]:
        """The response headers for the client. The length is among them only if nothing was decompressed."""
        sized, secret = "content-encoding" not in answer.headers, self._endpoint.secret
        odd = odd_waits(answer.headers)
        return [
            (name.encode("latin-1"), value if secret is None else secret.blank(value))
            for name, value in answer.headers.raw.items()
            if (is_returned(name) and name not in odd) or (sized and name == "content-length")
        ]

    async def _piece(self, answer: UpstreamResponse) -> bytes:
        try:
            async with asyncio.timeout(self._endpoint.deployment.timeouts.idle):
                return await answer.read()
        except TransportError as error:
            raise self._failure(error) from error
        except TimeoutError:
            message = f"{self._endpoint.name}: stalled in the middle of its answer"
            raise UpstreamTimeout(message, code="upstream_stalled") from None

    def _failure(self, error: TransportError) -> UpstreamError:
        kind = UpstreamTimeout if error.kind == "timeout" else UpstreamError
        return kind(f"{self._endpoint.name}: {error}", code=f"upstream_{error.kind}")


def too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {UPLOAD_LIMIT} bytes", code="request_too_large")

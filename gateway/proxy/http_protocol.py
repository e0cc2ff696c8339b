"""HTTP/1.1 towards callers: a malformed request is refused in OpenAI's envelope, and only after the answers before it.

The server's own protocol would write its refusal at once, in the place of an answer that is still to come, would tell
only the last of several pipelined requests that the caller has left, and would lose the body of a request that offers
HTTP/2 or WebSocket by ``upgrade``, as Java's own client does with every one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.proxy.cold import new_request_id
from gateway.proxy.errors import envelope
from gateway.proxy.one_write import OneWriteCycle

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_BODY = envelope(
    "the request is not well-formed HTTP/1.1, and the connection is closed",
    kind="invalid_request_error",
    code="malformed_request",
)


class HttpProtocol(HttpToolsProtocol):
    """One connection of a caller."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._serving: RequestResponseCycle | None = None
        self._malformed = False

    def data_received(self, data: bytes) -> None:
        """Read requests; nothing is read any more behind one that is malformed."""
        if self._malformed:
            return
        self._unset_keepalive_if_required()
        rest: bytes | None = data
        try:
            while rest is not None:
                rest = self._feed(rest)
        except httptools.HttpParserError:
            self._malformed = True
            self._drop_unfinished()
            self._refuse_if_idle()

    def on_headers_complete(self) -> None:
        """A head that was read; one that offers another protocol is read once more, without its offer."""
        if not self._offers():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The end of a request; the parser believes that one which offers another protocol has no body."""
        if not self._offers():
            super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The request that is served learns that its caller has left, also when others wait behind it."""
        self._abandon()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next request's turn, or the refusal's."""
        super().on_response_complete()
        if self._malformed:
            self._refuse_if_idle()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = OneWriteCycle
        self._serving = cycle
        super()._start_asgi_task(cycle, app)

    def _offers(self) -> bool:
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"

    def _feed(self, data: bytes) -> bytes | None:
        """Parse; what is to be parsed again, by a parser of its own, where a client offered another protocol."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if not self._offers():
                raise httptools.HttpParserError("CONNECT") from None
            again = self._without_offer() + data[offer.args[0] :]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            return again
        return None

    def _without_offer(self) -> bytes:
        """The head as it came, but for ``upgrade`` and its mention in ``connection``."""
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            kept = value
            if name == b"connection":
                kept = b", ".join(part for part in value.split(b",") if part.strip().lower() != b"upgrade")
            if name != b"upgrade":
                lines.append(b"%s: %s" % (name, kept))
        return b"\r\n".join([*lines, b"", b""])

    def _drop_unfinished(self) -> None:
        """The malformed request itself, if its head was read: out of the queue, or told that no more will come."""
        last = self.cycle
        if last is None or not last.more_body or last.response_complete:
            return
        if self.pipeline and self.pipeline[0][0] is last:
            self.pipeline.popleft()
        else:
            self._abandon()

    def _abandon(self) -> None:
        if self._serving is not None and not self._serving.response_complete:
            self._serving.disconnected = True
            self._serving.message_event.set()

    def _refuse_if_idle(self) -> None:
        serving = self._serving
        waits = serving is not None and not serving.response_complete and not serving.disconnected
        if waits or self.pipeline or self.transport.is_closing():
            return
        if serving is None or serving.response_complete or not serving.response_started:
            self.transport.write(self._refusal())
        self.transport.close()

    def _refusal(self) -> bytes:
        named = [(b"content-type", b"application/json"), (b"x-request-id", new_request_id().encode())]
        lines = b"".join(b"%s: %s\r\n" % pair for pair in [*self.server_state.default_headers, *named])
        head = b"HTTP/1.1 400 Bad Request\r\n%scontent-length: %d\r\nconnection: close\r\n\r\n"
        return head % (lines, len(_BODY)) + _BODY

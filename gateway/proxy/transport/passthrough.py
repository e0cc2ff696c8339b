"""Connections for passthrough requests. Bodies are streamed, which the model transport does not support."""

from __future__ import annotations

from gateway.proxy.transport.aiohttp import AiohttpTransport


class PassthroughTransport:
    """A transport that is made on first use, inside the loop."""

    def __init__(self) -> None:
        self._transport: AiohttpTransport | None = None

    @property
    def transport(self) -> AiohttpTransport:
        if self._transport is None:
            self._transport = AiohttpTransport()
        return self._transport

    async def close(self) -> None:
        """Close its connections, if there are any."""
        if self._transport is not None:
            await self._transport.close()

"""The connections of what is only passed on: a body is sent as it comes, which the transport of models doesn't do."""

from __future__ import annotations

from gateway.proxy.transport.aiohttp import AiohttpTransport


class Passing:
    """A transport that is made when it is first needed, inside the loop."""

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

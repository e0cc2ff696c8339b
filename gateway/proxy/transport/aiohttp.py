"""Implements uploads on aiohttp: one session per worker, no cookies, no redirects, no environment settings."""

from collections.abc import AsyncIterable
from functools import lru_cache

import aiohttp
from yarl import URL

from gateway.proxy.transport.transport import STATUSES, TransportError, UpstreamRequest, UpstreamResponse
from gateway.proxy.wire.http import NAMES, Headers

KEEPALIVE_SECONDS = 4.0
"""Shorter than the five seconds after which common servers drop an idle connection, so that this side closes first."""

MAX_CONNECTIONS = 4096
DNS_CACHE_SECONDS = 30


@lru_cache(maxsize=256)
def _url(address: str) -> URL:
    """The URL as it is, escapes included, because the client's spelling must not change."""
    return URL(address, encoded=address.isascii())


@lru_cache(maxsize=256)
def _timeout(connect_seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)


class AiohttpResponse:
    """A response of aiohttp. It reads whatever has arrived, without waiting for more."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        raw: dict[str, bytes] = {}
        for name, value in response.raw_headers:
            known = NAMES.get(name) or NAMES.find(name)
            raw[known] = raw[known] + b", " + value if known in raw else value
        self.headers = Headers(raw)

    async def read(self) -> bytes:
        content = self._response.content
        if content.at_eof():
            return b""
        try:
            return await content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError("reset", f"the upstream broke off ({_brief(error)})") from error

    def release(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class AiohttpTransport:
    """See `UploadTransport`. It must be made inside a running loop.

    aiohttp sends a request a second time only if its method is idempotent (RFC 9110 §9.2.2), never a POST.
    """

    def __init__(self) -> None:
        connector = aiohttp.TCPConnector(
            limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE_SECONDS, ttl_dns_cache=DNS_CACHE_SECONDS
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            auto_decompress=True,
            trust_env=False,
            read_bufsize=2**16,
        )

    async def send(self, request: UpstreamRequest, pieces: AsyncIterable[bytes] | None = None) -> UpstreamResponse:
        """See `UploadTransport`. ``pieces``: a body that is streamed, in place of the request's own."""
        try:
            response = await self._session.request(
                request.method,
                _url(request.url),
                data=request.body or None if pieces is None else pieces,
                headers={name: value.decode("latin-1") for name, value in request.headers.raw.items()},
                allow_redirects=False,
                timeout=_timeout(request.connect_seconds),
            )
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            raise TransportError("connect", f"the upstream can't be reached ({_brief(error)})") from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, OSError) as error:
            raise TransportError("reset", f"the upstream closed the connection ({_brief(error)})") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise TransportError("bad_answer", f"the upstream did not speak HTTP ({_brief(error)})") from error
        if response.status not in STATUSES:
            response.close()
            raise TransportError("bad_answer", "the upstream gave a status that can't be read")
        return AiohttpResponse(response)

    async def close(self) -> None:
        await self._session.close()


def _brief(error: BaseException) -> str:
    """The error's class only: its text may name hosts and addresses, which clients must not see."""
    return type(error).__name__

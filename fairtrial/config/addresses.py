"""Parses addresses to listen on (`host:port`)."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.names.hosts import is_loopback

FORM = "host:port, such as 127.0.0.1:8080"
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """``host`` without brackets, ``port`` from 1 to 65535."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """The URL for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - read, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Parse ``127.0.0.1:8080``, ``localhost:8080`` or ``[::1]:8080``; raises `ValueError` with the reason."""
    host, colon, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not bare or (":" in bare) != host.startswith("["):
        raise ValueError(f"{text!r} is not an address to listen on")
    if not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= HIGHEST_PORT:
        raise ValueError(f"{port!r} is not a port")
    return Address(bare, int(port))

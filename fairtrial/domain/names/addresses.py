"""Parses hosts, origins and addresses to listen on, and recognises loopback hosts."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
FORM = "host:port, such as 127.0.0.1:8080"
HIGHEST_PORT = 65535


def is_loopback(host: str) -> bool:
    """Whether the host is a loopback address; names other than ``localhost`` count as reachable by others."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(address: str) -> str:
    """The host of a URL or of ``//host:port``, without brackets and in lower case; empty if there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def origin_of(address: str) -> str:
    """The origin of a URL as browsers send it: scheme, host and non-default port (RFC 6454 §6.2); empty if invalid."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    plain = host.isascii() and "*" not in host and not any(map(str.isspace, address))
    if parts.scheme not in DEFAULT_PORTS or not host or not plain or parts.username is not None:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


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

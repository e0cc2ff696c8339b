"""Host names: which of them mean this machine alone."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether the host is this machine alone; a name other than ``localhost`` counts as reachable by others."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(address: str) -> str:
    """The host name of an address or of a ``//host:port``, without brackets, in small letters; empty if it has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""

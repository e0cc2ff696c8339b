"""Distinguishes local requests from forwarded ones, for a gateway that requires no key."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol

from fairtrial.domain.errors import NotAllowed
from gateway.proxy.wire.http import Headers

IPAddress = IPv4Address | IPv6Address
NAMED = frozenset({"forwarded", "via", "x-real-ip"})
PREFIX = "\nx-forwarded"
MOST_HOPS = 64
_FOR = re.compile(r"""for\s*=\s*(?:"([^"]*)"|([^;,\s]*))""", re.IGNORECASE)
_PORT = re.compile(r":\d{1,5}")


class Sender(Protocol):
    """The other end of a request's connection; ``version`` is HTTP's, such as ``1.1``."""

    @property
    def version(self) -> str: ...

    def peer(self) -> str | None:
        """The IP address that the connection comes from."""
        ...


class TrustedProxies:
    """The proxies in ``gateway.trusted_proxies``, as addresses and networks.

    No header can reveal every proxy: one that speaks HTTP/1.1 and adds nothing looks like a local program.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, networks))

    def require_local(self, headers: Headers, sender: Sender) -> None:
        """Raise `NotAllowed` for a forwarded request, unless a trusted proxy forwards it for this machine."""
        if sender.version == "1.1" and not _is_forwarded(headers.raw):
            return
        if not self._trusts(_address(sender.peer() or "")):
            raise NotAllowed(
                "this gateway is open (gateway.auth: open) and serves only direct requests from this machine; "
                "HTTP/1.0 and forwarding headers show a proxy (set gateway.auth: keys, or gateway.trusted_proxies)",
                code="proxy_not_trusted",
            )
        clients = [self._client(chain) for chain in _chains(headers)]
        if not clients or not all(client is not None and client.is_loopback for client in clients):
            raise NotAllowed(
                "this gateway is open (gateway.auth: open) and serves only this machine; "
                "the proxy names no client of this machine (set gateway.auth: keys)",
                code="client_not_local",
            )

    def _client(self, chain: Sequence[IPAddress | None]) -> IPAddress | None:
        """The rightmost address that is not a trusted proxy's, else the first one; `None` if it is not an address."""
        untrusted = (address for address in reversed(chain) if not self._trusts(address))
        return next(untrusted, chain[0])

    def _trusts(self, address: IPAddress | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _is_forwarded(raw: Mapping[str, bytes]) -> bool:
    """Runs on the hot path of an open gateway: two passes over the header names in C, and none over the values."""
    return not NAMED.isdisjoint(raw) or PREFIX in "\n" + "\n".join(raw)


def _chains(headers: Headers) -> Iterator[Sequence[IPAddress | None]]:
    """Each header that names clients, because a proxy may pass one on unread and write another."""
    for name in ("x-forwarded-for", "x-real-ip"):
        if name in headers:
            yield _addresses(headers.text(name).split(","))
    if "forwarded" in headers:
        yield _addresses(quoted or bare for quoted, bare in _FOR.findall(headers.text("forwarded")))


def _addresses(texts: Iterable[str]) -> Sequence[IPAddress | None]:
    addresses = [_address(text) for text in texts]
    return addresses if 0 < len(addresses) <= MOST_HOPS else [None]


def _address(text: str) -> IPAddress | None:
    """An address as proxies write it: with or without a port, IPv6 with or without brackets."""
    text = text.strip()
    if text.startswith("["):
        text, _, port = text[1:].partition("]")
        if port and not _PORT.fullmatch(port):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not port.isdigit():
            return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address

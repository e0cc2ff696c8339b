"""Resolves the host of a target and refuses addresses to which no message may go, anew at each attempt."""

import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Resolve = Callable[[str, int], list[str]]
NAT64 = IPv6Network("64:ff9b::/96")
IPV4_BITS = (1 << 32) - 1


class Refused(Exception):
    """A target to which this message must not go, so that it is not tried again."""


class Failed(Exception):
    """An attempt that failed and is repeated."""


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host; raises `OSError`."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def pinned_address(host: str, port: int, *, private: bool, resolve: Resolve) -> str:
    """The address to connect to; raises `Refused` and `Failed`.

    A public target has public addresses only, and a private one private or loopback addresses only. One other address
    among them refuses the name, because a name that changes between both kinds is an attack (DNS rebinding).
    """
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise Failed(f"{host} has no address ({type(error).__name__})") from error
    for address in addresses:
        if not all(_is_allowed(meant, private=private) for meant in _meant(address)):
            kind = "a private or loopback one" if private else "a public one"
            raise Refused(f"an address of {host} is not {kind}")
    if not addresses:
        raise Failed(f"{host} has no address")
    return addresses[0]


def _meant(address: str) -> Iterator[IPv4Address | IPv6Address]:
    """The address, and the IPv4 address that it carries, to which a translator would send."""
    parsed = ip_address(address.partition("%")[0])
    yield parsed
    if isinstance(parsed, IPv6Address):
        carried = (parsed.ipv4_mapped, parsed.sixtofour, *(parsed.teredo or ()))
        yield from (each for each in carried if each is not None)
        if parsed in NAT64:
            yield IPv4Address(int(parsed) & IPV4_BITS)


def _is_allowed(address: IPv4Address | IPv6Address, *, private: bool) -> bool:
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
        return False
    if private:
        return address.is_private
    return address.is_global

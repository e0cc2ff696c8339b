"""Opens a listening socket for any of the services, or raises a clear error about the address."""

from __future__ import annotations

import errno
import socket

from fairtrial.domain.errors import PortTaken, UsageError

BACKLOG = 2048


def listen(host: str, port: int, *, service: str, setting: str) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    ``service`` names the service, and ``setting`` the option for another address. Raises `PortTaken` if the address is
    in use, and `UsageError` if it can't be used at all.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        where = f"{service}: {host}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"{where} is in use (stop what listens there, or change {setting})") from error
        raise UsageError(f"{where} can't be bound ({error.strerror})") from error
    return listening

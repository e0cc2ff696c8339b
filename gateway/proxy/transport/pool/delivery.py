"""Finds out from the kernel how far a request got on its connection: the proof that a server never read it.

A client must not repeat a request that is not idempotent, such as a POST, unless it can detect that the first one was
never applied (RFC 9110 §9.2.2). A server may close an idle connection at the moment at which it is used again (RFC 9112
§9.3.1, §9.5). A reused connection can therefore break without any byte of a response. Only two facts prove that the
request was not read:

1. No byte of it left this machine: the kernel refused to send on a connection that had ended before.
2. The server ended the connection in order (FIN), and had confirmed no byte of the request by then. A FIN carries the
   acknowledgement of all that its kernel has received (RFC 9293 §3.4), so the server closed before the request came.

A reset proves nothing. Linux drops the acknowledgement that a RST carries, and an acknowledgement may be delayed by
40 ms. Therefore a request that was read looks the same as one that was not.
"""

from __future__ import annotations

import math
import re
import socket
import struct
from typing import NamedTuple

TCP_INFO = 11
"""Linux's socket option: a ``struct tcp_info``."""

_ACKED = struct.Struct("120xQ")
"""``tcpi_bytes_acked``."""

_SENT = struct.Struct("200xQ")
"""``tcpi_bytes_sent``."""

_TIMEOUT = re.compile(rb"timeout\s*=\s*\"?(\d{1,6})", re.IGNORECASE)
_MARGIN = 1.0


class TcpProgress(NamedTuple):
    """Bytes that this kernel has sent, and that the peer's has confirmed. With TLS they are encrypted bytes."""

    sent: int
    acked: int

    def after(self, given: int) -> TcpProgress:
        """The same after so many more bytes were sent and confirmed."""
        return TcpProgress(self.sent + given, self.acked + given)


def tcp_progress(connected: socket.socket) -> TcpProgress | None:
    """The progress of everything on this socket; ``None`` if it can't be known."""
    try:
        raw = connected.getsockopt(socket.IPPROTO_TCP, TCP_INFO, _SENT.size)
        return TcpProgress(_SENT.unpack(raw)[0], _ACKED.unpack_from(raw)[0])
    except (OSError, struct.error):
        return None


def never_read(before: TcpProgress | None, now: TcpProgress | None, *, in_order: bool) -> bool:
    """Whether one of the two proofs above holds. ``before``: at the request's start; ``in_order``: after a FIN."""
    if before is None or now is None or not now.acked:
        return False
    return now.sent <= before.sent or (in_order and now.acked <= before.acked)


def patience(keep_alive: bytes | None) -> float:
    """Seconds for which a connection may be idle: a little less than its server announced in ``Keep-Alive``."""
    found = _TIMEOUT.search(keep_alive) if keep_alive else None
    if found is None:
        return math.inf
    seconds = float(found[1])
    return seconds - min(_MARGIN, seconds / 2)

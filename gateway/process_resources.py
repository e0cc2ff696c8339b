"""Manages what a process has of its system: file descriptors, memory and the listening socket."""

import contextlib
import ctypes
import errno
import logging
import resource
import socket
import threading
from collections.abc import Iterator
from typing import Any, Literal

from fairtrial.domain.errors import PortTaken, UsageError

Room = Literal["free", "reserved", "none"]
SMALLEST, LARGEST = 24, 256
SHARE = 8
"""The reserve is an eighth of the limit, within these bounds."""

QUIET_SECONDS = 60.0
"""The interval between two log lines about the limit."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Constants of glibc's ``malloc.h``."""

LARGE = 224 * 1024
"""Blocks of this size and above are returned as soon as they are free, such as most pieces of bodies of megabytes.

A prompt of 128 kB needs blocks of 190 kB. With glibc's 128 KiB, each of them is fresh memory, and so a page fault for
each 4 KiB. With 512 KiB, a worker keeps 30 MiB after bodies of 12 MiB.
"""

TOP = 2 * 2**20
"""Free bytes at the heap's end above which they are returned."""

MOST = 32 * 2**20
"""glibc's own largest value of both: smaller blocks are reused at once."""

BACKLOG = 2048


def raise_soft_limit() -> int:
    """Raise the soft limit of this process to its hard limit; returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class DescriptorReserve:
    """Tells from a new connection's descriptor how many are left: the system always assigns the lowest free number.

    The upper half of the reserve is only for the process's own files. The lower half also serves health checks.
    """

    def __init__(self, limit: int, *, service: str, log: logging.Logger) -> None:
        self.limit = limit
        reserve = max(SMALLEST, min(LARGEST, limit // SHARE))
        self.connections = max(1, limit - reserve)
        """Descriptors below this number are free for all connections."""
        self._last = limit - reserve // 2
        self._service, self._log = service, log
        self._said = -QUIET_SECONDS

    def room(self, descriptor: int, now: float) -> Room:
        """The use of this descriptor. At the limit the log says so, at most once a minute."""
        if descriptor < self.connections:
            return "free"
        if now - self._said >= QUIET_SECONDS:
            self._said = now
            self._log.warning(
                "%s: at its limit of %d open files. Idle connections are closed, and new requests are "
                "refused until there is room, except health checks (a higher limit: ulimit -n)",
                self._service,
                self.limit,
            )
        return "reserved" if descriptor < self._last else "none"


class _Thresholds:
    """Which parts of the program requested what, because the thresholds belong to the whole process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.returning = False
        self.keeping = 0


_asked = _Thresholds()


def return_large_blocks() -> None:
    """Fix glibc's two thresholds, which otherwise grow to 32 and 64 MiB with the first large block that is freed.

    Other C libraries have no such call, and stay as they are.
    """
    with _asked.lock:
        _asked.returning = True
        _set(LARGE, TOP)


@contextlib.contextmanager
def keeping_large_blocks() -> Iterator[None]:
    """Keep memory for a computation that makes arrays of one size again and again; it is returned at the end.

    With every array new from the system, 1,000 resamples of 100,000 cases take twice as long.
    """
    with _asked.lock:
        _asked.keeping += 1
        _set(MOST, MOST)
    try:
        yield
    finally:
        with _asked.lock:
            _asked.keeping -= 1
            if _asked.returning and not _asked.keeping:
                _set(LARGE, TOP)
                give_back()


def give_back() -> None:
    """Return what is free now to the system, at the end of something large."""
    _library(lambda library: library.malloc_trim(0))


def _set(mmap: int, trim: int) -> None:
    def tell(library: Any) -> None:
        library.mallopt(M_MMAP_THRESHOLD, mmap)
        library.mallopt(M_TRIM_THRESHOLD, trim)

    _library(tell)


def _library(tell: Any) -> None:
    with contextlib.suppress(OSError, AttributeError):
        tell(ctypes.CDLL(None))


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

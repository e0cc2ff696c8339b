"""Locks the store for its owner, publishes who owns it and at which addresses, and names this machine's user."""

import fcntl
import json
import os
import pwd
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreLocked
from fairtrial.domain.limits.constants import PRIVATE
from fairtrial.safe_files import has_writer

TRIES = 5
TRY_SECONDS = 0.02
LOCAL_USER = "local user "
"""How records begin the name of this machine's user."""


@dataclass(frozen=True, slots=True)
class OwnerNote:
    """The content of `owner.json`. An address is ``None`` if the owner does not listen there.

    ``pid`` and ``host`` are for people. A pid means nothing in another container; only the lock shows that the owner is
    alive.
    """

    pid: int
    control_url: str | None = None
    gateway_url: str | None = None
    host: str | None = None


class OwnerLock:
    """The right to open the store, held with `flock` from `take` until `release` or the end of the process."""

    def __init__(self, layout: Layout, fd: int) -> None:
        self._layout = layout
        self._fd = fd

    @classmethod
    def take(cls, layout: Layout) -> "OwnerLock":
        """Become the owner; otherwise raises `StoreLocked`, which names the current one."""
        fd = _locked(layout.lock)
        if fd is None:
            raise StoreLocked(_in_use(layout))
        lock = cls(layout, fd)
        try:
            lock.announce()
        except OSError:
            os.close(fd)
            raise
        return lock

    def announce(self, *, control_url: str | None = None, gateway_url: str | None = None) -> None:
        """Publish who owns the store, and the addresses of its services."""
        note = OwnerNote(os.getpid(), control_url, gateway_url, socket.gethostname())
        _replace(self._layout.owner, note)

    def release(self) -> None:
        """Delete the note first, then release the lock."""
        self._layout.owner.unlink(missing_ok=True)
        os.close(self._fd)


@contextmanager
def running_services(layout: Layout) -> Iterator[None]:
    """Let only one program at a time run the services of a store; raises `StoreLocked` for a second one.

    The store's own lock is not enough, because control takes it some time after this program has checked it.
    """
    fd = _locked(layout.services_lock)
    if fd is None:
        raise StoreLocked(f"{layout.store}: another `fairtrial up` runs the services of this store (end it first)")
    try:
        yield
    finally:
        os.close(fd)


def refuse_owned(layout: Layout) -> None:
    """Raise `StoreLocked`, which names the owner, if there is one. Takes no lock."""
    if is_owned(layout):
        raise StoreLocked(_in_use(layout))


def is_owned(layout: Layout) -> bool:
    """Whether a program owns the store now."""
    try:
        return has_writer(layout.lock)
    except FileNotFoundError:
        return False


def read_note(layout: Layout) -> OwnerNote | None:
    """The owner's note; ``None`` if there is no owner, or if its note is not readable yet."""
    if not is_owned(layout):
        return None
    try:
        note = json.loads(layout.owner.read_text(encoding="utf-8"))
        return OwnerNote(int(note["pid"]), note.get("control_url"), note.get("gateway_url"), note.get("host"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _locked(path: Path) -> int | None:
    """The descriptor that holds the lock until it is closed; ``None`` if another program holds it."""
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, PRIVATE)
    if _try_lock(fd):
        return fd
    os.close(fd)
    return None


def _try_lock(fd: int) -> bool:
    """Take the lock, retrying briefly, because `is_owned` holds a shared lock for an instant."""
    for _ in range(TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(TRY_SECONDS)
        else:
            return True
    return False


def _in_use(layout: Layout) -> str:
    note = read_note(layout)
    if note is None:
        return f"{layout.store}: another program owns this store"
    where = f" and answers at {note.control_url}" if note.control_url else ""
    who = f"the program with pid {note.pid}" + (
        f" on {note.host}" if note.host not in (None, socket.gethostname()) else ""
    )
    return f"{layout.store}: {who} owns this store{where} (one program at a time may open it)"


def _replace(path: Path, note: OwnerNote) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(asdict(note), file)
    temporary.replace(path)


def local_user(uid: int | None = None) -> str:
    """The operating system's user with this number, by default the one that runs this process.

    A container may have no name for the number.
    """
    number = os.getuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def local_actor(uid: int | None = None) -> str:
    """The user as the actor of a record."""
    return f"{LOCAL_USER}{local_user(uid)}"

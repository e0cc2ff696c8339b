"""Waits for Ctrl-C or SIGTERM, so that a command can clean up, and ends the demo within five seconds after it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from fairtrial.domain.errors import INTERRUPTED
from fairtrial_cli.processes.children import Child

KILL_SECONDS = 2.5
"""How long the services may take to stop by themselves."""
EXIT_SECONDS = 4.0
"""When this process exits, whatever it still waits for. The kernel then ends all that it has started."""


class ShutdownSignal:
    """A requested shutdown. While the program is starting, a request interrupts it."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self._waiting = False

    def handle(self, *_: object) -> None:
        """The signal handler."""
        if not self._waiting and not self.requested.is_set():
            self.requested.set()
            raise KeyboardInterrupt
        self.requested.set()

    def mark_started(self) -> None:
        """From now on, a signal interrupts nothing and only makes `wait` return."""
        self._waiting = True

    def wait(self, seconds: float | None = None) -> bool:
        """Block until a shutdown signal arrives, or for ``seconds``; returns whether it has arrived."""
        self.mark_started()
        return self.requested.wait(seconds)


@contextmanager
def shutdown_signal() -> Iterator[ShutdownSignal]:
    """Handle signals within the context. A second signal does not interrupt the cleanup."""
    shutdown = ShutdownSignal()
    before = {number: signal.signal(number, shutdown.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield shutdown
    finally:
        for number, handling in before.items():
            signal.signal(number, handling)


class Interruption:
    """``shutdown`` is the signal; `watch` registers the programs that must end in time."""

    def __init__(self, shutdown: ShutdownSignal) -> None:
        self.shutdown = shutdown
        self._children: list[Callable[[], Iterable[Child]]] = []
        self._ended = threading.Event()

    def watch(self, children: Callable[[], Iterable[Child]]) -> None:
        """End these programs too; each leads a process group, so that what it starts ends with it."""
        self._children.append(children)

    def mark_ended(self) -> None:
        """Everything that was started has ended."""
        self._ended.set()

    def enforce(self) -> None:
        """Wait for Ctrl-C, then enforce both time limits; runs in its own thread."""
        self.shutdown.requested.wait()
        began = time.monotonic()
        groups = [child.pid for children in self._children for child in children()]
        if not self._ended.wait(KILL_SECONDS):
            for group in groups:
                if group is not None:
                    with suppress(OSError):
                        os.killpg(group, signal.SIGKILL)
        time.sleep(max(0.0, began + EXIT_SECONDS - time.monotonic()))
        os._exit(INTERRUPTED)  # on a busy machine, Python's own end alone takes seconds


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Raise `KeyboardInterrupt` at Ctrl-C or SIGTERM within the context, and limit how long everything then takes."""
    with shutdown_signal() as shutdown:
        limits = Interruption(shutdown)
        threading.Thread(target=limits.enforce, name="interruption", daemon=True).start()
        try:
            yield limits
        finally:
            limits.mark_ended()

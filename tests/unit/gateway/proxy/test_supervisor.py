"""A signal ends the sleep, even one that came earlier: of a child that has ended, or any other with a handler."""

from __future__ import annotations

import signal
import subprocess
import sys

from gateway.proxy.supervisor import SignalSleep

HOUR = 3600.0


def test_the_end_of_a_child_ends_the_sleep() -> None:
    before = signal.getsignal(signal.SIGCHLD)
    with SignalSleep() as sleep:
        child = subprocess.Popen([sys.executable, "-S", "-c", ""])
        while child.poll() is None:
            sleep.until_signal(HOUR)
    assert signal.getsignal(signal.SIGCHLD) == before


def test_a_signal_that_came_before_counts_once() -> None:
    noted: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: noted.append(number))
    try:
        with SignalSleep() as sleep:
            signal.raise_signal(signal.SIGUSR1)
            sleep.until_signal(HOUR)
            sleep.until_signal(0)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert noted == [signal.SIGUSR1]

"""The end of a child is known at once, and another thread can end the wait."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from fairtrial_cli.processes.children import ExitWatch

HOUR = 3600.0
ENDS_WITH_ITS_INPUT = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]


def test_the_end_of_any_child_ends_the_wait() -> None:
    children = [subprocess.Popen(ENDS_WITH_ITS_INPUT, stdin=subprocess.PIPE) for _ in range(2)]
    waiting = threading.Thread(target=ExitWatch().wait, args=([child.pid for child in children], HOUR))
    waiting.start()
    children[1].communicate()
    waiting.join(60)
    assert not waiting.is_alive()
    assert children[0].poll() is None
    children[0].communicate()


@pytest.mark.parametrize("earlier", [False, True])
def test_waking_ends_the_wait_that_is_or_the_next_one(earlier: bool) -> None:
    watch = ExitWatch()
    if earlier:
        watch.wake()
    waiting = threading.Thread(target=watch.wait, args=([], HOUR))
    waiting.start()
    if not earlier:
        watch.wake()
    waiting.join(60)
    assert not waiting.is_alive()


def test_where_the_kernel_does_not_tell_the_wait_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    ExitWatch().wait([os.getpid()], HOUR)

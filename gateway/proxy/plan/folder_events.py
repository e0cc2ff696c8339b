"""Tells when a file was renamed into a folder: by inotify on Linux, nowhere else.

inotify knows only what this machine's kernel does, so whoever waits looks for itself from time to time, too.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

IN_MOVED_TO = 0x80
IN_IGNORED = 0x8000
"""Of `inotify(7)`: the watch is over, as its folder is gone."""

_HEAD = struct.Struct("iIII")
_READ_BYTES = 4096


class FolderEvents:
    """The renames into one folder, for one running loop; also a context, which ends the watch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._event = asyncio.Event()
        self._watching = False
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self._fd = -1 if self._libc is None else self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        if self._fd >= 0:
            asyncio.get_running_loop().add_reader(self._fd, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)

    async def wait(self, *, told: float, untold: float) -> None:
        """Until a rename, and ``told`` seconds at most; only ``untold`` seconds where the kernel doesn't tell."""
        if not self._watch():
            return await asyncio.sleep(untold)
        with suppress(TimeoutError):
            async with asyncio.timeout(told):
                await self._event.wait()
        self._event.clear()
        return None

    def _watch(self) -> bool:
        """Whether the folder is watched: from now on, if it appears only now."""
        if not self._watching and self._libc is not None and self._fd >= 0:
            self._watching = self._libc.inotify_add_watch(self._fd, os.fsencode(self._folder), IN_MOVED_TO) >= 0
        return self._watching

    def _read(self) -> None:
        events, at = os.read(self._fd, _READ_BYTES), 0
        while at < len(events):
            _, mask, _, size = _HEAD.unpack_from(events, at)
            at += _HEAD.size + size
            if mask & IN_IGNORED:
                self._watching = False
        self._event.set()

"""Waits until a file is renamed into a folder, by inotify on Linux only.

inotify reports only changes by this machine's kernel, so callers must also check from time to time.
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
"""From `inotify(7)`: the watch has ended, because its folder is gone."""

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

    async def wait(self, *, longest: float, without_events: float) -> None:
        """Wait for a rename, at most ``longest`` seconds; just ``without_events`` seconds if none is reported here."""
        if not self._watch():
            return await asyncio.sleep(without_events)
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._event.wait()
        self._event.clear()
        return None

    def _watch(self) -> bool:
        """Whether the folder is watched; starts the watch once the folder exists."""
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

"""Shares the counters of a gateway's workers: each writes a small file, which it renews every second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

Family = tuple[str, str, list[tuple[str, int]]]
"""A metric: its name, its kind, and its samples, each with its written labels (without ``worker``) and its value."""

EVERY_SECONDS = 1.0
RENEW_SECONDS = 5.0
"""After this time an unchanged file is written again, so that it does not look abandoned."""

STALE_SECONDS = 10.0
"""A file that was not renewed for this long belongs to a worker that is gone."""

FAILED = ".failed"
"""The suffix of an empty file, which needs no room: its worker can't write its counters."""

_DECODER = msgspec.json.Decoder(list[Family])


class SharedCounters:
    """One worker's access to the files. A failing disk costs the other workers' counters, never a request."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._folder = folder
        self._own = folder / f"{worker}.json"
        self._failed = folder / f"{worker}{FAILED}"
        self._shown: list[Family] = []
        self._renew_at = 0.0

    async def keep(self, counts: Callable[[], list[Family]]) -> None:
        """Publish the result of ``counts`` every second until cancelled, then remove it."""
        try:
            while True:
                families = counts()
                if families != self._shown or time.monotonic() >= self._renew_at:
                    await asyncio.to_thread(self.show, families)
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            for path in (self._own, self._failed):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def show(self, families: list[Family]) -> None:
        """Replace this worker's counters."""
        new = self._own.with_suffix(".new")
        with suppress(OSError):
            try:
                new.write_bytes(msgspec.json.encode(families))
                new.replace(self._own)
            except OSError:
                self._failed.touch()
                return
            self._shown, self._renew_at = families, time.monotonic() + RENEW_SECONDS
            self._failed.unlink(missing_ok=True)

    def others(self) -> Iterator[tuple[str, list[Family]]]:
        """The names and counters of the other workers that are alive."""
        for path in sorted(self._folder.glob("*.json")):
            if path == self._own:
                continue
            with suppress(OSError, msgspec.DecodeError):
                if _is_fresh(path):
                    yield path.stem, _DECODER.decode(path.read_bytes())

    def another_fails(self) -> bool:
        """Whether another living worker can't write here, so that its counters can't say that it loses events."""
        return any(_is_fresh(path) for path in self._folder.glob(f"*{FAILED}") if path != self._failed)


def _is_fresh(path: Path) -> bool:
    """Whether a living worker has written this file; false if it is gone.

    A time in the future is from before the clock was set back. A living worker soon writes the present time.
    """
    with suppress(OSError):
        return abs(time.time() - path.stat().st_mtime) < STALE_SECONDS
    return False

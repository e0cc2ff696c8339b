"""Where the workers of one gateway show each other their counts: a small file for each, renewed every second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

Family = tuple[str, str, list[tuple[str, int]]]
"""A metric: its name, its kind, and its samples: labels but the worker's, as they are written, and the value."""

EVERY_SECONDS = 1.0
RENEW_SECONDS = 5.0
"""So often the file is written again although nothing has changed, so that it doesn't look left."""

STALE_SECONDS = 10.0
"""What was not renewed for so long is of a worker that is gone."""

_DECODER = msgspec.json.Decoder(list[Family])


class CountBoard:
    """One worker's access to it. A disk that fails costs the others' counts, never a request."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._folder = folder
        self._own = folder / f"{worker}.json"
        self._shown: list[Family] = []
        self._renew_at = 0.0

    async def keep(self, counts: Callable[[], list[Family]]) -> None:
        """Show what ``counts`` says again and again until cancelled, and nothing any more then."""
        try:
            while True:
                families = counts()
                if families != self._shown or time.monotonic() >= self._renew_at:
                    await asyncio.to_thread(self.show, families)
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            with suppress(OSError):
                self._own.unlink(missing_ok=True)

    def show(self, families: list[Family]) -> None:
        """Replace this worker's counts."""
        new = self._own.with_suffix(".new")
        with suppress(OSError):
            new.write_bytes(msgspec.json.encode(families))
            new.replace(self._own)
            self._shown, self._renew_at = families, time.monotonic() + RENEW_SECONDS

    def others(self) -> Iterator[tuple[str, list[Family]]]:
        """The other workers that are alive, by name, and their counts."""
        for path in sorted(self._folder.glob("*.json")):
            if path == self._own:
                continue
            with suppress(OSError, msgspec.DecodeError):
                if time.time() - path.stat().st_mtime < STALE_SECONDS:
                    yield path.stem, _DECODER.decode(path.read_bytes())

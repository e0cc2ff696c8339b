"""Watches the plan file, whose plans replace each other as a whole, and the kill files beside it."""

import asyncio
import ctypes
import logging
import os
import struct
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from fairtrial.config.layout import REFUSED
from fairtrial.config.plan import published as plan_file
from fairtrial.config.plan.live_state import experiment_of, standing_kills, stop_at_once
from fairtrial.domain.errors import PlanRefused, Unavailable
from fairtrial.domain.plan import Published
from gateway.proxy.plan.routing_table import Routing, prepare

POLL_SECONDS = 0.1
EVENT_SECONDS = 0.5
"""The interval if the kernel reports a new file, which it can't if another machine wrote it."""

_LOG = logging.getLogger(__name__)
Stamp = tuple[int, int, int]
IN_MOVED_TO = 0x80
IN_IGNORED = 0x8000
"""From `inotify(7)`: the watch has ended, because its folder is gone."""

_HEAD = struct.Struct("iIII")
_READ_BYTES = 4096


class PlanWatch:
    """Holds the current routing. ``require_keys`` refuses a plan without keys, for an address that others can reach.

    ``since``: when the plan in force was published, in seconds since 1970.
    """

    def __init__(self, path: Path, *, environ: Mapping[str, str], require_keys: bool = False) -> None:
        self.routing: Routing | None = None
        self.refused = 0
        self.refusal: str | None = None
        self.since = 0
        self._path = path
        self.folder = path.parent
        self._note = path.with_name(REFUSED)
        self._environ = environ
        self._require_keys = require_keys
        self._stamp: Stamp | None = None
        self._published: Published | None = None
        self._kills: tuple[str, ...] = ()
        self._stopped: dict[str, int] = {}

    def current(self) -> Routing:
        """The routing in force; `Unavailable` until there is one."""
        if self.routing is None:
            code = "plan_refused" if self.refusal else "plan_missing"
            raise Unavailable("no configuration is in force yet: the control process has not published one", code=code)
        return self.routing

    def is_refused(self) -> bool:
        """Whether a newer plan was refused: here, or by control, which leaves a note of it."""
        return self.refusal is not None or self._note.exists()

    def is_open(self) -> bool:
        """Whether callers need no key, or no plan says so yet."""
        return self.routing is None or self.routing.published.auth == "open"

    def load_if_changed(self) -> bool:
        """Load the plan and the kill files if they changed; returns whether the routing is new. Never raises.

        The kill files are read first. Control publishes a kill before it removes the file, so whoever finds no file
        then finds the plan that has the kill.
        """
        kills, stamp = self._kills_now(), self._stamp_now()
        if stamp is not None and stamp != self._stamp:
            self._stamp = stamp
            if self._try(partial(self._take, kills)):
                return True
        if kills == self._kills or self._published is None:
            return False
        return self._try(partial(self._route, self._published, kills))

    def _try(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except PlanRefused as error:
            self._refuse(str(error))
            return False
        except Exception as error:  # noqa: BLE001 - no file may end a worker that has a good plan
            self._refuse(f"{self._path}: {type(error).__name__}")
            return False
        return True

    async def run(self, on_plan: Callable[[Routing], None]) -> None:
        """Check again and again until cancelled. ``on_plan`` gets the routing in force, and each new one."""
        self.load_if_changed()
        if self.routing is None and self.refusal is None:
            _LOG.warning("waiting for a configuration: `fairtrial control` publishes it at %s", self._path)
        announced: Routing | None = None
        with FolderEvents(self._path.parent) as events:
            while True:
                self.load_if_changed()
                if self.routing is not None and self.routing is not announced:
                    announced = self.routing
                    on_plan(announced)
                await events.wait(longest=EVENT_SECONDS, without_events=POLL_SECONDS)

    def _take(self, kills: tuple[str, ...]) -> None:
        published = plan_file.read(self._path)
        if self._require_keys and published.auth != "keys":
            raise PlanRefused(
                f"{self._path}: auth is {published.auth!r}, but this address is not loopback (needs keys)"
            )
        self._route(published, kills)
        self.refusal = None
        self.since = self._stamp[0] // 1_000_000_000 if self._stamp else 0
        _LOG.info("plan %s in force", published.plan.plan_hash)

    def _route(self, published: Published, kills: tuple[str, ...]) -> None:
        """Serve by this plan, in which the kill files stop their experiments."""
        plan, stopped = stop_at_once(published.plan, kills, self._stopped)
        self.routing = prepare(replace(published, plan=plan), self._environ, self.routing)
        for name in stopped.keys() - self._stopped.keys():
            _LOG.warning("experiment %s: a kill file stops it, so %s serves", name, plan.experiments[name].control)
        self._published, self._kills, self._stopped = published, kills, stopped

    def _kills_now(self) -> tuple[str, ...]:
        """The experiments that kill files name; as before if the folder can't be read."""
        try:
            return tuple(sorted({str(experiment_of(path.name)) for path in standing_kills(self._path.parent)}))
        except OSError:
            return self._kills

    def _refuse(self, why: str) -> None:
        self.refused += 1
        self.refusal = why
        _LOG.error("plan refused, the last good one stays: %s", why)

    def _stamp_now(self) -> Stamp | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size


# Waits until a file is renamed into a folder, by inotify on Linux only.
#
# inotify reports only changes by this machine's kernel, so callers must also check from time to time.


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

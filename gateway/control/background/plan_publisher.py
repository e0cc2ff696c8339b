"""Publishes the plan when its files or the keys change. An invalid plan is refused and the last valid one stays."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from fairtrial.config.plan.assignment_guard import refuse_reassignment
from fairtrial.config.plan.published import publish, read
from fairtrial.config.private_files import write_private
from fairtrial.config.project import Project
from fairtrial.domain.errors import ConfigError, PlanRefused
from fairtrial.domain.plan import Key, Published
from fairtrial.store.access import audit, keys, store_secrets
from fairtrial.store.core.database import Database

RETRY_US = 2_000_000

log = logging.getLogger("fairtrial.control")

Mark = tuple[tuple[int, int, int] | None, ...]
"""The state of the watched files: time, size and inode of each, ``None`` for a missing one."""


class PlanPublisher:
    """Publishes one project's plan to the workers. ``load`` reads and checks the project (raises `ConfigError`).

    ``published`` is the last valid plan, ``refused`` the reason why a newer one was not published. Both start as
    ``None``.
    """

    def __init__(
        self, database: Database, config: Path, load: Callable[[], Project], *, clock_us: Callable[[], int]
    ) -> None:
        self.published: Published | None = None
        self.refused: str | None = None
        self._database = database
        self._load = load
        self._clock_us = clock_us
        self._files: tuple[Path, ...] = (config,)
        self._mark: Mark | None = None
        self._retry_us = 0
        self._lock = threading.Lock()
        self._adopt()

    def refresh(self, *, keys_changed: bool = False) -> bool:
        """Publish changes, if there are any; returns whether anything was published.

        Raises `ConfigError` or `PlanRefused` only if no valid plan was published before.
        """
        with self._lock:
            mark = _mark(self._files)
            if mark == self._mark and not keys_changed and not self._must_retry():
                return False
            self._mark = None  # until publishing succeeds, so that a failure such as a full disk is retried
            published = self._publish_or_stay()
            self._mark = mark
            return published

    def _publish_or_stay(self) -> bool:
        try:
            return self._publish()
        except (ConfigError, PlanRefused) as error:
            self._retry_us = self._clock_us() + RETRY_US
            self._refuse(str(error))
            if self.published is None:
                raise
            return self._publish_keys()

    def _must_retry(self) -> bool:
        """A refused file may name another file that is not watched yet, so it is read again from time to time."""
        return self.refused is not None and self._clock_us() >= self._retry_us

    def _adopt(self) -> None:
        """Start with the plan that an earlier control process published."""
        try:
            self.published = read(self._database.layout.plan)
        except PlanRefused:
            self.published = None

    def _publish(self) -> bool:
        project = self._load()
        before = self.published
        if before is not None:
            refuse_reassignment(before.plan, project.plan)
        self._files = project.files
        replaced = self._replace(Published(project.plan, project.gateway.auth, *self._secrets(), project.feedback))
        self._accept()
        return replaced

    def _publish_keys(self) -> bool:
        """Publish the last valid plan with the current keys, so that revoking a key works with an invalid file."""
        if self.published is None:
            return False
        known, pepper = self._secrets()
        return self._replace(replace(self.published, keys=known, pepper=pepper))

    def _secrets(self) -> tuple[tuple[Key, ...], str]:
        return keys.valid(self._database), store_secrets.pepper(self._database)

    def _replace(self, new: Published) -> bool:
        before = self.published
        if new != before or not self._database.layout.plan.exists():
            publish(self._database.layout.plan, new)
        self.published = new
        if before is None or before.plan.plan_hash != new.plan.plan_hash:
            self._record("plan.publish", new.plan.plan_hash)
        return new != before

    def _refuse(self, why: str) -> None:
        """Log the reason before recording it, because a failing store may refuse to. No message contains a key."""
        if why == self.refused:
            return
        self.refused = why
        log.error("the configuration was refused; the last valid plan stays in force: %s", "; ".join(why.splitlines()))
        with suppress(OSError):
            write_private(self._database.layout.plan_refused, f"{why}\n".encode())
        self._record("plan.refuse", why)

    def _accept(self) -> None:
        if self.refused is not None:
            log.warning("the configuration is in force again")
        self.refused = None
        with suppress(OSError):
            self._database.layout.plan_refused.unlink(missing_ok=True)

    def _record(self, action: str, subject: str) -> None:
        audit.record(self._database, now_us=self._clock_us(), actor="control", action=action, subject=subject)


def _mark(files: tuple[Path, ...]) -> Mark:
    return tuple(_state(file) for file in files)


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

"""The control process's own work: threads that publish the plan, bring in the journal, and compress what is sealed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from fairtrial.domain.errors import Conflict
from fairtrial.domain.plan import Key
from fairtrial.store.access import audit, keys
from fairtrial.store.core.database import Database
from fairtrial.store.core.engine_errors import words
from fairtrial.store.core.progress import OnStep
from fairtrial.store.ingest.ingest import Ingested, Ingester
from fairtrial.store.ingest.segment_archive import compress_sealed
from gateway.control.background.jobs import CareJobs
from gateway.control.background.local_keys import ADMIN, INTERNAL, ensure_key
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.operations.maintain_store import StoreCare

TURN_SECONDS = 0.075
REST_SECONDS = 0.5
FULL_RATE = 3_000.0
"""Events a second from which on the journal is brought in as often as it may be."""

PASS_SECONDS = 2.0
"""So often the journal is gone through even if nothing waits: segments of dead writers are put away."""

PLAN_SECONDS = 0.2
CARE_SECONDS = 75.0
ARCHIVE_SECONDS = 60.0
DAY_US = 86_400_000_000
RETRY_US = 15 * 60 * 1_000_000
"""A duty of the day that failed is tried again after that: it may have read the whole store in vain."""

log = logging.getLogger("fairtrial.control")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where control and gateway can be reached; ``None`` for one that does not run."""

    control_url: str | None = None
    gateway_url: str | None = None


def _go_on(_: str) -> None:
    """For a keeper without a process of its own."""


def rest_seconds(events: int, seconds: float) -> float:
    """How long to wait for the next transaction, after one that brought the events of so many seconds.

    A transaction costs the same for one event as for hundreds: few events wait for others, many are brought at once.
    """
    return max(TURN_SECONDS, REST_SECONDS * (1 - events / (seconds * FULL_RATE)))


class Keeper:
    """Owns the store's regular work. `start` once; `stop` before the database is closed.

    ``on_failure`` is told when the store can't be used any more; the keeper does nothing with it after that.
    """

    def __init__(
        self,
        database: Database,
        publisher: PlanPublisher,
        addresses: Addresses,
        *,
        clock_us: Callable[[], int],
        on_failure: Callable[[str], None] = _go_on,
    ) -> None:
        self._on_failure = on_failure
        self.database = database
        self.publisher = publisher
        self.addresses = addresses
        self.clock_us = clock_us
        self.ingester = Ingester(database, clock_us)
        self.care = StoreCare(database, self.ingester, clock_us, actor="control")
        self.jobs = CareJobs()
        self._due_us: dict[str, int] = {}
        self._rest, self._passed = TURN_SECONDS, -PASS_SECONDS
        self._troubles: dict[str, str] = {}
        self.totals = Ingested()
        self._counting = threading.Lock()
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._publish, name="plan", daemon=True),
            threading.Thread(target=self._ingest, name="ingest", daemon=True),
            threading.Thread(target=self._archive, name="archive", daemon=True),
        ]

    def start(self) -> None:
        """Publish what there is, say who we are, and begin."""
        ensure_key(self.database, INTERNAL, now_us=self.clock_us())
        ensure_key(self.database, ADMIN, now_us=self.clock_us())
        self.publisher.refresh(keys_changed=True)
        self.database.lock.announce(control_url=self.addresses.control_url, gateway_url=self.addresses.gateway_url)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads after their turn, wait for the job that they may have begun, and ingest what is left."""
        self._ending.set()
        alive = [thread for thread in self._threads if thread.is_alive()]
        for thread in alive:
            thread.join()
        self.jobs.join()
        if alive:
            self.ingest_now()

    def ingest_now(self, *, paced: bool = False) -> Ingested:
        """Bring in all that stands in the journal; ``paced`` as in `Ingester.catch_up`. Raises `StoreError`."""
        brought = self.ingester.catch_up(paced=paced)
        with self._counting:
            before = self.totals
            self.totals = Ingested(before.rows + brought.rows, before.rejects + brought.rejects, brought.unreadable)
        return brought

    def create_key(self, name: str, *, actor: str, options: keys.KeyOptions) -> keys.NewKey:
        """Make a key and have the gateway know it at once."""
        made = keys.create(self.database, name, now_us=self.clock_us(), options=options)
        self._keys_changed("key.create", made.key_id, actor)
        return made

    def revoke_key(self, key_id: str, *, actor: str) -> None:
        """End a key, in the gateway too; raises `UsageError` if there is none."""
        keys.revoke(self.database, key_id, now_us=self.clock_us())
        self._keys_changed("key.revoke", key_id, actor)

    def valid_keys(self) -> tuple[Key, ...]:
        return keys.valid(self.database)

    def _keys_changed(self, action: str, key_id: str, actor: str) -> None:
        audit.record(self.database, now_us=self.clock_us(), actor=actor, action=action, subject=key_id)
        self.publisher.refresh(keys_changed=True)

    @property
    def trouble(self) -> str | None:
        """What goes wrong now, ``None`` if all is well."""
        return "; ".join(self._troubles.values()) or None

    def _publish(self) -> None:
        """A thread of its own: a long catching up must not delay a plan, least of all one that kills an experiment."""
        while not self._ending.wait(PLAN_SECONDS):
            self._fenced("the plan could not be published", self.publisher.refresh)

    def _ingest(self) -> None:
        care_at = 0.0
        while not self._ending.wait(self._rest):
            if (why := self.database.failure()) is not None:
                return self._on_failure(why)
            if time.monotonic() >= care_at:
                self._fenced("the care of the store could not begin", self._care)
                care_at = time.monotonic() + CARE_SECONDS
            self._fenced("the journal could not be brought in", self._bring_in)
        return None

    def _archive(self) -> None:
        compress = partial(compress_sealed, self.database, self._ending.wait)
        while not self._ending.wait(ARCHIVE_SECONDS):
            self._fenced("segments of the journal could not be compressed", compress)

    def _bring_in(self) -> None:
        """Bring in what waits, if anything does, and say how long the next time may wait."""
        self._rest = REST_SECONDS
        now = time.monotonic()
        if now - self._passed < PASS_SECONDS and not self.ingester.has_work():
            return
        before = self.totals.rows
        self.ingest_now(paced=True)
        self._rest = rest_seconds(self.totals.rows - before, now - self._passed)
        self._passed = now

    def _care(self) -> None:
        """Soon after the start and once a day: drop texts that are too old, finish erasures, repeat undone ones."""
        duties: Mapping[str, Callable[[OnStep], object]] = {
            "old texts could not be dropped": lambda on_step: self.care.retain(None, on_step=on_step),
            "an erasure could not be finished": self.care.resume,
            "erased units that a backup brought back could not be erased": self.care.erase_again,
        }
        due = {failing: duty for failing, duty in duties.items() if self.clock_us() >= self._due_us.get(failing, 0)}
        if not due or self.publisher.published is None:
            return
        try:
            self.jobs.start("the daily care", partial(self._daily, due), own=True)
        except Conflict:
            return  # somebody asked for something else: its turn comes later

    def _daily(self, duties: Mapping[str, Callable[[OnStep], object]], on_step: OnStep) -> None:
        """Each duty in a fence of its own: one that fails must not keep texts that another would drop."""
        for failing, duty in duties.items():
            good = self._fenced(failing, partial(duty, on_step))
            self._due_us[failing] = self.clock_us() + (DAY_US if good else RETRY_US)

    def _fenced(self, failing: str, step: Callable[[], object]) -> bool:
        """Whether it went well; what went wrong is logged once, and is told as trouble until it goes well."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the fence of both loops: a full disk must not end the owner
            said = f"{failing} ({type(error).__name__}: {words(error)})"
            if self._troubles.get(failing) != said:
                log.error("%s (%s: %s)", failing, type(error).__name__, error)
            self._troubles[failing] = said
            return False
        self._troubles.pop(failing, None)
        return True

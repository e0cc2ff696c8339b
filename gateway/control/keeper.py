"""The control process's own work: it ingests, publishes the plan and puts old segments away, in one thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from fairtrial.domain.plan import Key
from fairtrial.store import audit, keys
from fairtrial.store.database import Database
from fairtrial.store.ingest import Ingested, Ingester
from gateway.control.internal_key import ensure_internal_key
from gateway.control.plan_publisher import PlanPublisher

TURN_SECONDS = 0.075
PLAN_EVERY = 3
PRUNE_EVERY = 20_000
RETAIN_DAYS = 30
DAY_US = 86_400_000_000

log = logging.getLogger("fairtrial.control")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where control and gateway can be reached; ``None`` for one that does not run."""

    control_url: str | None = None
    gateway_url: str | None = None


class Keeper:
    """Owns the store's regular work. `start` once; `stop` before the database is closed."""

    def __init__(
        self, database: Database, publisher: PlanPublisher, addresses: Addresses, *, clock_us: Callable[[], int]
    ) -> None:
        self.database = database
        self.publisher = publisher
        self.addresses = addresses
        self.clock_us = clock_us
        self.ingester = Ingester(database, clock_us)
        self.trouble: str | None = None
        self.totals = Ingested()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Publish what there is, say who we are, and begin."""
        ensure_internal_key(self.database, now_us=self.clock_us())
        self.publisher.refresh(keys_changed=True)
        self.database.lock.announce(control_url=self.addresses.control_url, gateway_url=self.addresses.gateway_url)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after its turn, and ingest what is left."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
            self.ingest_now()

    def ingest_now(self) -> Ingested:
        """Bring in all that stands in the journal; raises `StoreError`."""
        brought = self.ingester.catch_up()
        self.totals = Ingested(
            self.totals.rows + brought.rows, self.totals.rejects + brought.rejects, brought.unreadable
        )
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

    def _run(self) -> None:
        turn = 0
        while not self._ending.wait(TURN_SECONDS):
            turn += 1
            self._turn(turn)

    def _turn(self, turn: int) -> None:
        try:
            if turn % PLAN_EVERY == 0:
                self.publisher.refresh()
            if turn % PRUNE_EVERY == 1:
                self.ingester.prune(self.clock_us() - self._retain_days() * DAY_US)
            self.ingest_now()
            self.trouble = None
        except Exception as error:  # noqa: BLE001 - the fence of the loop: a full disk must not end the owner
            self._say(f"{type(error).__name__}: {error}")

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.error("the journal could not be brought in: %s", trouble)
        self.trouble = trouble

    def _retain_days(self) -> int:
        published = self.publisher.published
        return published.plan.retain_days if published else RETAIN_DAYS

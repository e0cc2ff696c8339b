"""Runs control's background threads, which publish the plan, ingest the journal and compress sealed segments."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from fairtrial.config.plan.live_state import keep_reserve
from fairtrial.domain.errors import Conflict, Unavailable
from fairtrial.domain.limits.alarm_settings import AlarmSettings
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.plan import Plan
from fairtrial.domain.promises import PROBE_ANSWER_SECONDS, PROBE_EVERY_SECONDS
from fairtrial.domain.store_reports import IngestResult, OnProgress
from fairtrial.experiments.decision.waits import Wait
from fairtrial.store.core.database import Database
from fairtrial.store.core.engine import error_message
from fairtrial.store.derived.machine_costs import settle
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.ingest.segment_archive import compress_sealed
from gateway.control.alarms.delivery import AlarmDelivery
from gateway.control.auth.bootstrap import ADMIN, INTERNAL, ensure_key
from gateway.control.background import pause_ends
from gateway.control.background.experiment_monitor import ExperimentMonitor
from gateway.control.background.model_watch import ModelWatch
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.background.shadow_work import ShadowWork
from gateway.control.background.step_pace import STEP_SECONDS, StepCounts
from gateway.control.background.trusted_clock import TrustedClock
from gateway.control.context import Addresses, Declaration
from gateway.control.experiments.record_alarms import settle_retirement_alarms
from gateway.control.experiments.split_checks import SplitCheckCache
from gateway.control.experiments.states import record_kill_files
from gateway.control.maintain_store import JobRunner, StoreMaintenance
from gateway.control.present import gateway_probe, published_plan

MIN_INTERVAL_SECONDS = 0.075
MAX_INTERVAL_SECONDS = 0.9
SHORTENING = 2.0
"""Seconds by which the interval is shorter for each second that the last pass took."""
PASS_SECONDS = 2.0
"""The journal is scanned at this interval even without new lines, so that segments of dead writers are archived."""
PLAN_SECONDS = 0.2
MAINTENANCE_SECONDS = 75.0
ARCHIVE_SECONDS = 60.0
ALARM_SECONDS = 0.5
WATCH_SECONDS = 300.0
RETRY_US = 15 * 60 * 1_000_000
"""How long a failed daily task waits before it is retried, because it may read the whole store."""
log = logging.getLogger("fairtrial.control")


def ingest_interval(pass_seconds: float) -> float:
    """Seconds to wait before the next pass, given the duration of the last one.

    A transaction costs about 15 ms of CPU plus 40 µs for each request, so a long interval shares this among many
    requests. A line waits for at most two passes and the interval between them, which are 0.9 seconds in all.
    """
    return max(MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS - SHORTENING * pass_seconds)


class BackgroundWork:
    """Owns the store's regular work. Call `start` once, and `stop` before the database is closed.

    ``on_failure`` is called when the store has become unusable. Nothing touches the store after that. ``clock``: what
    decisions wait by; by default ``clock_us`` is always right.
    """

    def __init__(
        self,
        database: Database,
        publisher: PlanPublisher,
        addresses: Addresses,
        *,
        clock_us: Callable[[], int],
        clock: TrustedClock | None = None,
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._on_failure = on_failure
        self.database = database
        self.publisher = publisher
        self.addresses = addresses
        self.clock_us = clock_us
        self.clock = clock or TrustedClock.without_check(database, clock_us)
        self.ingester = Ingester(database, clock_us)
        self.maintenance = StoreMaintenance(database, self.ingester, clock_us, actor="control")
        self.jobs, self.split_checks = JobRunner(), SplitCheckCache()
        self.monitor = ExperimentMonitor(
            database, publisher, clock_us, clock=self.clock, add_sums=self.ingester.add_sums
        )
        probe = gateway_probe(addresses.gateway_url, database.layout, seconds=PROBE_ANSWER_SECONDS)
        self._pause_ends = pause_ends.PauseEnds(database, publisher, probe, self.clock.stamp_us)
        self._alarms = AlarmDelivery(database, self._alarm_targets, self.clock.stamp_us)
        self._wake_monitor = threading.Event()
        self._due_us: dict[str, int] = {}
        self._interval, self._last_pass = MIN_INTERVAL_SECONDS, time.monotonic() - PASS_SECONDS
        self._health_errors: dict[str, str] = {}
        self._retirements: tuple[str, int] | None = None
        self.totals, self._totals_lock, self._stopping = IngestResult(), threading.Lock(), threading.Event()
        self._models = ModelWatch(database, publisher, addresses.gateway_url, self.clock.stamp_us, self._stopping)
        compress = partial(compress_sealed, database, self._stopping.wait)
        measure = ShadowWork(database, publisher, self.clock.stamp_us).step
        self._threads = [
            threading.Thread(target=self._publish_loop, name="plan", daemon=True),
            threading.Thread(target=self._ingest_loop, name="ingest", daemon=True),
            threading.Thread(target=self._monitor_loop, name="monitor", daemon=True),
            *(
                threading.Thread(target=self._loop, args=(seconds, failing, step), name=name, daemon=True)
                for name, seconds, failing, step in (
                    ("archive", ARCHIVE_SECONDS, "journal segments could not be compressed", compress),
                    ("resume", PROBE_EVERY_SECONDS, "pauses could not be ended", self._pause_ends.step),
                    ("alarms", ALARM_SECONDS, "messages of alarms could not be delivered", self._alarms.step),
                    ("machines", ARCHIVE_SECONDS, "the cost of machines could not be settled", self._settle_machines),
                    ("shadows", STEP_SECONDS, "pairs of shadows could not be measured", measure),
                    ("models", WATCH_SECONDS, "judged models could not be asked", self._models.step),
                )
            ),
        ]

    def start(self) -> None:
        """Publish the plan, announce the addresses, and start the threads."""
        if self.publisher.published is None:
            self.ingest_now()  # what the journal says of an older store decides what is published
        ensure_key(self.database, INTERNAL, now_us=self.clock_us())
        ensure_key(self.database, ADMIN, now_us=self.clock_us())
        self.publisher.refresh(keys_changed=True)
        self.database.lock.announce(control_url=self.addresses.control_url, gateway_url=self.addresses.gateway_url)
        self._wake_monitor.set()  # it freezes the plans of new experiments before their first units
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the threads, wait for a running job, and ingest what is left in the journal."""
        self._stopping.set()
        self._wake_monitor.set()
        alive = [thread for thread in self._threads if thread.is_alive()]
        for thread in alive:
            thread.join()
        self._alarms.stop()
        self.jobs.join()
        if alive:
            self.ingest_now()

    def ingest_now(self, *, paced: bool = False) -> IngestResult:
        """Ingest everything in the journal; ``paced`` as in `Ingester.catch_up`. Raises `StoreError`."""
        ingested = self.ingester.catch_up(paced=paced)
        with self._totals_lock:
            before = self.totals
            self.totals = IngestResult(
                before.rows + ingested.rows, before.rejects + ingested.rejects, ingested.unreadable
            )
        return ingested

    def publish_keys(self) -> None:
        """Have the gateway know the valid keys at once."""
        self.publisher.refresh(keys_changed=True)

    def read_files(self) -> None:
        """Publish changes of the project's files at once."""
        self.publisher.refresh()

    def plan_in_force(self) -> Plan:
        """The published plan; raises `Unavailable`."""
        return published_plan(self.publisher)

    def declaration(self) -> Declaration:
        """What was published; raises `Unavailable`."""
        return Declaration(published_plan(self.publisher), self.publisher.release_gates, self.publisher.root)

    def alarm_settings(self) -> AlarmSettings:
        """Who gets the messages of alarms; raises `Unavailable`."""
        if self.publisher.alarms is None:
            raise Unavailable("alarms: no valid project file was read yet")
        return self.publisher.alarms

    def waits(self, experiment: str) -> tuple[Wait, ...] | None:
        """What the decision waited for at the monitor's last step."""
        status = self.monitor.statuses.get(experiment)
        return None if status is None else status.step.waits

    @property
    def health_error(self) -> str | None:
        """The current errors of background work, or ``None``."""
        return "; ".join(self._health_errors.values()) or None

    @property
    def step_counts(self) -> StepCounts:
        return self.monitor.step_counts

    @property
    def ingest_lag_seconds(self) -> float:
        """The time since the last pass, if lines wait; a pass takes all that are there when it begins."""
        return time.monotonic() - self._last_pass if self.ingester.lag_bytes() else 0.0

    def _publish_loop(self) -> None:
        """Runs in its own thread, so that a long ingest does not delay a plan that kills an experiment."""
        allocate = partial(keep_reserve, self.database.layout)
        while not self._stopping.wait(PLAN_SECONDS):
            self._run_guarded("the configuration could not be published", self._publish)
            self._run_guarded("a kill file could not be recorded", self._record_kill_files)
            self._run_guarded("the space that an emergency stop needs on a full disk could not be allocated", allocate)

    def _publish(self) -> None:
        if self.publisher.refresh():
            self._wake_monitor.set()  # it freezes the plans of new experiments before their first units

    def _record_kill_files(self) -> None:
        if record_kill_files(self.database, self.publisher, now_us=self.clock.stamp_us()):
            self._wake_monitor.set()

    def _ingest_loop(self) -> None:
        maintenance_at = 0.0
        while not self._stopping.wait(self._interval):
            if (why := self.database.failure()) is not None:
                return self._on_failure(why)
            if time.monotonic() >= maintenance_at:
                self._run_guarded("daily maintenance could not be started", self._start_daily_maintenance)
                maintenance_at = time.monotonic() + MAINTENANCE_SECONDS
            self._run_guarded("the journal could not be ingested", self._ingest_pending)
        return None

    def _monitor_loop(self) -> None:
        """Look every two seconds whether a step is due, and at once after errors arrived or a plan was published."""
        while not self._stopping.is_set():
            self._wake_monitor.wait(STEP_SECONDS)
            self._wake_monitor.clear()
            if not self._stopping.is_set():
                self._run_guarded("experiments could not be watched", self.monitor.step)
                self._run_guarded("the last days of deployments could not be watched", self._watch_retirements)

    def _loop(self, every_seconds: float, failing: str, step: Callable[[], object]) -> None:
        """Runs in its own thread, because whom the step asks may be silent."""
        while not self._stopping.wait(every_seconds):
            self._run_guarded(failing, step)

    def _alarm_targets(self) -> tuple[AlarmSettings, Plan] | None:
        settings, published = self.publisher.alarms, self.publisher.published
        return None if settings is None or published is None else (settings, published.plan)

    def _settle_machines(self) -> None:
        if (published := self.publisher.published) is not None:
            settle(self.database, published.plan, now_us=self.clock_us())

    def _watch_retirements(self) -> None:
        """Settle the alarms about last days once for each plan and day."""
        published, now_us = self.publisher.published, self.clock_us()
        if published is not None and (watched := (published.plan.plan_hash, now_us // DAY_US)) != self._retirements:
            settle_retirement_alarms(self.database, published.plan, now_us=now_us)
            self._retirements = watched

    def _ingest_pending(self) -> None:
        """Ingest pending lines, if there are any, and set the interval until the next time."""
        self._interval = MAX_INTERVAL_SECONDS
        now = time.monotonic()
        if now - self._last_pass < PASS_SECONDS and not self.ingester.has_work():
            return
        if self.ingest_now(paced=True).failed:
            self._wake_monitor.set()
        self._interval = ingest_interval(time.monotonic() - now)
        self._last_pass = now

    def _start_daily_maintenance(self) -> None:
        """Once a day, and soon after the start: delete old texts, finish erasures, and redo undone ones."""
        tasks: Mapping[str, Callable[[OnProgress], object]] = {
            "old texts could not be deleted": lambda on_progress: self.maintenance.retain(
                None, on_progress=on_progress
            ),
            "an erasure could not be completed": self.maintenance.resume,
            "erased units that a backup restored could not be erased again": self.maintenance.erase_again,
        }
        due = {failing: task for failing, task in tasks.items() if self.clock_us() >= self._due_us.get(failing, 0)}
        if not due or self.publisher.published is None:
            return
        try:
            self.jobs.start("the daily maintenance", partial(self._run_daily, due), own=True)
        except Conflict:
            return  # another job is running; this one is tried again later

    def _run_daily(self, tasks: Mapping[str, Callable[[OnProgress], object]], on_progress: OnProgress) -> None:
        """Run each task guarded by itself, so that a failing one does not keep the others from running."""
        for failing, task in tasks.items():
            succeeded = self._run_guarded(failing, partial(task, on_progress))
            self._due_us[failing] = self.clock_us() + (DAY_US if succeeded else RETRY_US)

    def _run_guarded(self, failing: str, step: Callable[[], object]) -> bool:
        """Run the step and return whether it succeeded. Errors are logged once and reported until it succeeds."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - a full disk, for example, must not end the threads
            message = f"{failing} ({type(error).__name__}: {error_message(error)})"
            if self._health_errors.get(failing) != message:
                log.error("%s (%s: %s)", failing, type(error).__name__, error)
            self._health_errors[failing] = message
            return False
        self._health_errors.pop(failing, None)
        return True

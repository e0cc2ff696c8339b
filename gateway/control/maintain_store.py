"""Maintains an open store: backups, retention and erasure, as jobs that run one at a time in a thread."""

import logging
import os
import secrets
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from evaluators.engine.answer_cache import prune_answers
from fairtrial.config.layout import Layout
from fairtrial.config.plan.published import read
from fairtrial.domain.errors import Conflict, FairtrialError, PlanRefused, StoreError, UsageError
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.settings import UnitKind
from fairtrial.domain.store_reports import Backup, Erasure, Job, OnProgress, Progress, RetentionResult, ignore_progress
from fairtrial.experiments.unit import pseudonym
from fairtrial.journal.counts import prune_losses
from fairtrial.store.core import named_values, state_files
from fairtrial.store.core.database import Database
from fairtrial.store.erasure.erase import ErasedUnit, erase, new_state
from fairtrial.store.erasure.tombstones import find_restored, note_checked
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.maintenance import retention
from fairtrial.store.maintenance.backup import make_backup
from fairtrial.store.maintenance.retention import drop_old_texts

WAIT_SECONDS = 10.0
REMEMBERED_JOBS = 16
log = logging.getLogger("fairtrial.control")


class StoreMaintenance:
    """Maintenance of one open store; the audit trail names ``actor``."""

    def __init__(self, database: Database, ingester: Ingester, clock_us: Callable[[], int], *, actor: str) -> None:
        self._database = database
        self._ingester = ingester
        self._clock_us = clock_us
        self._actor = actor

    def by(self, actor: str) -> "StoreMaintenance":
        """The same maintenance on behalf of another actor."""
        return StoreMaintenance(self._database, self._ingester, self._clock_us, actor=actor)

    def backup(self, dest: Path, on_progress: OnProgress = ignore_progress) -> Backup:
        """Copy everything acknowledged so far, consistently; raises `UsageError`, `StoreError`."""
        self._ingester.catch_up()
        return make_backup(self._database, dest, now_us=self._clock_us(), actor=self._actor, on_progress=on_progress)

    def retain(
        self, days: int | None, *, dry_run: bool = False, on_progress: OnProgress = ignore_progress
    ) -> RetentionResult:
        """Delete texts older than ``days`` (default: the plan's) from the store and the files beside it.

        Raises `UsageError` if there is no plan, and `StoreError` at the end if some texts could not be deleted.
        """
        layout, now_us = self._database.layout, self._clock_us()
        days = days or _planned_days(layout)
        before_us = max(0, now_us - days * DAY_US)
        dropped, failures = drop_old_texts(
            self._database, before_us=before_us, dry_run=dry_run, on_progress=on_progress
        )
        dropped["journal segments"] = self._ingester.prune(before_us, dry_run=dry_run)
        dropped["cached answers"] = prune_answers(layout.cache, before_us=before_us, dry_run=dry_run)
        dropped["old logs"] = _prune_logs(layout.logs, before_us, dry_run=dry_run)
        retained = RetentionResult(days, before_us, {name: count for name, count in dropped.items() if count}, dry_run)
        if not dry_run:
            prune_losses(layout.journal, before_us)
            if retained.dropped:
                retention.record_in_audit(self._database, retained, now_us=now_us, actor=self._actor)
        if failures:
            raise StoreError("; ".join(failures))
        return retained

    def erase(
        self, unit: str, kind: UnitKind, *, rewrite_backups: bool = False, on_progress: OnProgress = ignore_progress
    ) -> Erasure:
        """Erase a unit everywhere, after finishing any interrupted erasure. Raises `UsageError`, `StoreError`."""
        target = ErasedUnit(unit.strip(), kind, pseudonym(named_values.pepper(self._database), unit.strip()))
        state = new_state(target, now_us=self._clock_us(), actor=self._actor, rewrite_backups=rewrite_backups)
        begun = state_files.load_erasure(self._database.layout)
        if begun is not None and (begun.unit, begun.kind) == (state.unit, kind):
            return self._erase(begun.requested_again(rewrite_backups=rewrite_backups), on_progress)
        self.resume(on_progress)
        return self._erase(state, on_progress)

    def resume(self, on_progress: OnProgress = ignore_progress) -> Erasure | None:
        """Finish an interrupted erasure, if there is one."""
        begun = state_files.load_erasure(self._database.layout)
        return None if begun is None else self._erase(begun, on_progress)

    def erase_again(self, on_progress: OnProgress = ignore_progress) -> int:
        """Erase units again that a restored backup or a late row brought back; returns how many."""
        begun_us = self._clock_us()
        unreadable = self._ingester.catch_up().unreadable
        returned = find_restored(self._database, partial(pseudonym, named_values.pepper(self._database)))
        for of, name in returned:
            if of == "unit":
                state = new_state(ErasedUnit(name, "user", name), now_us=self._clock_us(), actor=self._actor)
                self._erase(state, on_progress)
            else:
                self.erase(name, of, on_progress=on_progress)
        if not unreadable:
            note_checked(self._database, before_us=begun_us - DAY_US)
        return len(returned)

    def _erase(self, state: state_files.ErasureState, on_progress: OnProgress) -> Erasure:
        unreadable = self._ingester.catch_up().unreadable
        return erase(self._database, state, now_us=self._clock_us(), unreadable=unreadable, on_progress=on_progress)


def _planned_days(layout: Layout) -> int:
    """The retention of the published plan; raises `UsageError` if there is none."""
    try:
        return read(layout.plan).plan.retain_days
    except PlanRefused as error:
        raise UsageError("retain: no configuration that sets the retention is published yet (use --days)") from error


def _prune_logs(folder: Path, before_us: int, *, dry_run: bool) -> int:
    """Delete old rotated logs, and empty old current ones, because a program may have them open."""
    logs = [path for path in folder.glob("*.log*") if path.is_file()]
    old = [path for path in logs if path.stat().st_size and path.stat().st_mtime_ns // 1000 < before_us]
    for path in old if not dry_run else ():
        if path.suffix == ".log":
            os.truncate(path, 0)
        else:
            path.unlink()
    return len(old)


class JobRunner:
    """Runs one job at a time and remembers the last `REMEMBERED_JOBS`, so that callers can read their results."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._own = False
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, name: str, work: Callable[[OnProgress], Any], *, own: bool = False) -> Job:
        """Start a job; raises `Conflict` while another one runs. Callers wait briefly for control's ``own`` job."""
        with self._turn:  # a thread that was created but not started cannot be joined
            running = self._thread if self._own and not own else None
        if running is not None:
            running.join(WAIT_SECONDS)
        with self._turn:
            for job in self._jobs.values():
                if job.state == "running":
                    raise Conflict(f"{name}: {job.name} is already running (try again once it has ended)")
            job = Job(secrets.token_hex(8), name)
            self._jobs = dict([*self._jobs.items(), (job.job_id, job)][-REMEMBERED_JOBS:])
            self._own = own
            self._thread = threading.Thread(target=self._run, args=(job, work), name="maintenance", daemon=True)
            self._thread.start()
            return job

    def find(self, job_id: str) -> Job | None:
        """The job with this id, or ``None`` if it is not remembered."""
        return self._jobs.get(job_id)

    def join(self) -> None:
        """Wait until no job is running."""
        with self._turn:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self, job: Job, work: Callable[[OnProgress], Any]) -> None:
        def on_progress(step: Progress) -> None:
            self._jobs[job.job_id] = replace(job, step=step)

        try:
            result = work(on_progress)
        except FairtrialError as error:
            blame: Literal["caller", "store"] = "caller" if isinstance(error, UsageError) else "store"
            log.error("%s: %s", job.name, error)
            self._jobs[job.job_id] = replace(job, state="failed", error=str(error), blame=blame)
        except Exception as error:  # noqa: BLE001 - the job must end for its caller, whatever happens
            log.error("%s failed: %s", job.name, "".join(traceback.format_exception(error)))
            message = f"{job.name} failed ({type(error).__name__}); see the log of control for details"
            self._jobs[job.job_id] = replace(job, state="failed", error=message, blame="store")
        else:
            self._jobs[job.job_id] = replace(job, state="done", result=result)

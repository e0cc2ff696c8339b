"""The care of one open store, put together: for the control process, and for a command that opened the store itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from evaluators.engine.answer_cache import prune_answers
from fairtrial.config.layout import Layout
from fairtrial.config.plan.published import read
from fairtrial.domain.errors import PlanRefused, StoreError, UsageError
from fairtrial.domain.plan import UnitKind
from fairtrial.experiments.units import pseudonym
from fairtrial.journal.loss_counter import prune_losses
from fairtrial.store.access import store_secrets
from fairtrial.store.core import erasure_state
from fairtrial.store.core.database import Database
from fairtrial.store.core.progress import OnStep, silent
from fairtrial.store.erasure.erase import Erasure, Unit, erase, new_state
from fairtrial.store.erasure.tombstones import DAY_US, come_back, note_checked
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.maintenance import retention
from fairtrial.store.maintenance.backup import Backup, make_backup
from fairtrial.store.maintenance.retention import Retained, drop_old_texts


class StoreCare:
    """What the owner of a store does to keep it well; ``actor`` is who the audit trail names."""

    def __init__(self, database: Database, ingester: Ingester, clock_us: Callable[[], int], *, actor: str) -> None:
        self._database = database
        self._ingester = ingester
        self._clock_us = clock_us
        self._actor = actor

    def by(self, actor: str) -> StoreCare:
        """The same care, given by somebody else."""
        return StoreCare(self._database, self._ingester, self._clock_us, actor=actor)

    def backup(self, dest: Path, on_step: OnStep = silent) -> Backup:
        """A consistent copy of all that has been acknowledged until now; raises `UsageError`, `StoreError`."""
        self._ingester.catch_up()
        return make_backup(self._database, dest, now_us=self._clock_us(), actor=self._actor, on_step=on_step)

    def retain(self, days: int | None, *, dry_run: bool = False, on_step: OnStep = silent) -> Retained:
        """Drop texts older than so many days (the plan's if not given) from the store and all that lies beside it.

        Raises `UsageError` if no plan says how many, and `StoreError` at the end if some could not be dropped.
        """
        layout, now_us = self._database.layout, self._clock_us()
        days = days or _planned_days(layout)
        before_us = max(0, now_us - days * DAY_US)
        dropped, troubles = drop_old_texts(self._database, before_us=before_us, dry_run=dry_run, on_step=on_step)
        dropped["journal segments"] = self._ingester.prune(before_us, dry_run=dry_run)
        dropped["cached answers"] = prune_answers(layout.cache, before_us=before_us, dry_run=dry_run)
        dropped["old logs"] = _prune_logs(layout.logs, before_us, dry_run=dry_run)
        retained = Retained(days, before_us, {name: count for name, count in dropped.items() if count}, dry_run)
        if not dry_run:
            prune_losses(layout.journal, before_us)
            if retained.dropped:
                retention.enter(self._database, retained, now_us=now_us, actor=self._actor)
        if troubles:
            raise StoreError("; ".join(troubles))
        return retained

    def erase(self, unit: str, kind: UnitKind, *, rewrite_backups: bool = False, on_step: OnStep = silent) -> Erasure:
        """Erase a unit everywhere; one that was begun before is finished first. Raises `UsageError`, `StoreError`."""
        asked = Unit(unit.strip(), kind, self._pseudonym(unit))
        state = new_state(asked, now_us=self._clock_us(), actor=self._actor, rewrite_backups=rewrite_backups)
        begun = erasure_state.load(self._database.layout)
        if begun is not None and (begun.unit, begun.kind) == (state.unit, kind):
            return self._erase(begun.again(rewrite_backups=rewrite_backups), on_step)
        self.resume(on_step)
        return self._erase(state, on_step)

    def resume(self, on_step: OnStep = silent) -> Erasure | None:
        """Finish an erasure that was begun and broken off, if there is one."""
        begun = erasure_state.load(self._database.layout)
        return None if begun is None else self._erase(begun, on_step)

    def erase_again(self, on_step: OnStep = silent) -> int:
        """Erase those whom a restored backup or a late row has brought back; returns how many."""
        begun_us = self._clock_us()
        unreadable = self._ingester.catch_up().unreadable
        returned = come_back(self._database, partial(pseudonym, store_secrets.pepper(self._database)))
        for of, name in returned:
            if of == "unit":
                state = new_state(Unit(name, "user", name), now_us=self._clock_us(), actor=self._actor)
                self._erase(state, on_step)
            else:
                self.erase(name, of, on_step=on_step)
        if not unreadable:
            note_checked(self._database, before_us=begun_us - DAY_US)
        return len(returned)

    def _erase(self, state: erasure_state.ErasureState, on_step: OnStep) -> Erasure:
        unreadable = self._ingester.catch_up().unreadable
        return erase(self._database, state, now_us=self._clock_us(), unreadable=unreadable, on_step=on_step)

    def _pseudonym(self, unit: str) -> str:
        return pseudonym(store_secrets.pepper(self._database), unit.strip())


def _planned_days(layout: Layout) -> int:
    """What the published plan says; raises `UsageError` if there is none."""
    try:
        return read(layout.plan).plan.retain_days
    except PlanRefused as error:
        raise UsageError("retain: no plan is published yet that says how long texts are kept (use --days)") from error


def _prune_logs(folder: Path, before_us: int, *, dry_run: bool) -> int:
    """Logs that were put aside go; those of programs that have said nothing since are emptied, for they may be open."""
    logs = [path for path in folder.glob("*.log*") if path.is_file()]
    old = [path for path in logs if path.stat().st_size and path.stat().st_mtime_ns // 1000 < before_us]
    for path in old if not dry_run else ():
        if path.suffix == ".log":
            os.truncate(path, 0)
        else:
            path.unlink()
    return len(old)

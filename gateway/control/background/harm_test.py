"""Tests all running experiments for harm with one query, as soon as requests that may be bad are stored."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from fairtrial.domain.plan import Experiment
from fairtrial.experiments.analysis.frozen_guard import is_frozen
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.methods.events import harm_by_users
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.sums.event_users import read_event_users


class HarmTest:
    """One thread calls `harmful`. ``memory_of``: what the looks at a plan have shown."""

    def __init__(self, database: Database, memory_of: Callable[[StoredPlan], Memory]) -> None:
        self._database, self._memory_of = database, memory_of
        self._tested: dict[str, int] = {}
        self._plans: dict[str, tuple[StoredPlan, list[str]] | None] = {}
        self._last = -1

    def harmful(self, experiments: Sequence[Experiment], now_us: int) -> list[Experiment]:
        """Those with new failures whose counted events prove harm now; it reads only the units with an event.

        An experiment whose plan is not frozen yet has nothing to test. Raises `StoreError`.
        """
        failures = {each.name: self._database.changes.failures[each.name] for each in experiments}
        new = [each for each in experiments if failures[each.name] != self._tested.get(each.name, 0)]
        known = [(each, plan) for each in new if (plan := self._plan(each)) is not None]
        harmful = self._proven(known, now_us) if known else []
        self._tested |= {each.name: failures[each.name] for each in new}
        return harmful

    def _proven(
        self, known: Sequence[tuple[Experiment, tuple[StoredPlan, list[str]]]], now_us: int
    ) -> list[Experiment]:
        plans = [replace(stored, plan=stored.plan.in_week(now_us)) for _, (stored, _) in known]
        with self._database.read_transaction() as cursor:
            found = read_event_users(
                cursor, [(stored.plan, hashes) for stored, (_, (_, hashes)) in zip(plans, known, strict=True)]
            )
        return [
            experiment
            for (experiment, _), stored, users in zip(known, plans, found, strict=True)
            if self._memory_of(stored).is_new(harm_by_users(stored.plan, users))
        ]

    def _plan(self, experiment: Experiment) -> tuple[StoredPlan, list[str]] | None:
        """The frozen plan with its analysis hashes, read again after any plan was frozen."""
        if (last := analysis_plans.last_number(self._database)) != self._last:
            self._plans, self._last = {}, last
        if experiment.name not in self._plans:
            stored = analysis_plans.newest(self._database, experiment.name)
            hashes = [] if stored is None else analysis_plans.hashes(self._database, stored.plan)
            self._plans[experiment.name] = None if stored is None else (stored, hashes)
        known = self._plans[experiment.name]
        return known if known is not None and is_frozen({experiment.name: known[0].plan}, experiment) else None

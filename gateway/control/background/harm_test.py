"""Tests all running experiments for harm with one query, as soon as requests that may be bad are stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fairtrial.domain.plan import Experiment
from fairtrial.experiments.analysis.frozen_guard import is_frozen
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.methods.events import harm_by_users
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.sums.event_users import Users, read_event_users


@dataclass(frozen=True, slots=True)
class _Tested:
    """The units with an event at the last query, and how many failures had been stored before it."""

    stored: StoredPlan
    users: Users
    failures: int

    def at_most(self, new: int) -> Users:
        """The units if each new failure is of another unit of the treatment: no later count proves more harm."""
        control = self.stored.plan.control
        return {
            metric: {name: users + (0 if name == control else new) for name, users in by_arm.items()}
            for metric, by_arm in self.users.items()
        }


class HarmTest:
    """One thread calls `harmful`. ``memory_of``: what the looks at a plan have shown.

    The query reads the units with an event. It is made for an experiment only if the failures since its last one could
    prove harm.
    """

    def __init__(self, database: Database, memory_of: Callable[[StoredPlan], Memory]) -> None:
        self._database, self._memory_of = database, memory_of
        self._tested: dict[str, _Tested] = {}
        self._plans: dict[str, tuple[StoredPlan, list[str]] | None] = {}
        self._last, self._failures = -1, 0

    def harmful(self, experiments: Sequence[Experiment], now_us: int) -> list[Experiment]:
        """Those whose counted events prove harm since new failures were stored.

        An experiment whose plan is not frozen yet has nothing to test. Raises `StoreError`.
        """
        failures = dict(self._database.changes.failures)
        if (total := sum(failures.values())) == self._failures:
            return []
        if (last := analysis_plans.last_number(self._database)) != self._last:
            self._plans, self._last = {}, last
        found = [
            (experiment, stored, hashes)
            for experiment in experiments
            if (known := self._plan(experiment)) is not None
            for stored, hashes in [(replace(known[0], plan=known[0].plan.in_week(now_us)), known[1])]
            if self._may_harm(stored, failures.get(experiment.name, 0))
        ]
        if found:
            with self._database.read_transaction() as cursor:
                users_of = read_event_users(cursor, [(stored.plan, hashes) for _, stored, hashes in found])
            for (experiment, stored, _), users in zip(found, users_of, strict=True):
                self._tested[experiment.name] = _Tested(stored, users, failures.get(experiment.name, 0))
        self._failures = total
        return [each for each, stored, _ in found if self._proves(stored, self._tested[each.name].users)]

    def _may_harm(self, stored: StoredPlan, failures: int) -> bool:
        """Whether the failures since the last query could prove harm; always without one."""
        tested = self._tested.get(stored.plan.experiment)
        if tested is None or tested.stored != stored:
            return True
        new = failures - tested.failures
        return new > 0 and self._proves(stored, tested.at_most(new))

    def _proves(self, stored: StoredPlan, users: Users) -> bool:
        return self._memory_of(stored).is_new(harm_by_users(stored.plan, users))

    def _plan(self, experiment: Experiment) -> tuple[StoredPlan, list[str]] | None:
        """The frozen plan with its analysis hashes, which are read again after any plan was frozen."""
        if experiment.name not in self._plans:
            stored = analysis_plans.newest(self._database, experiment.name)
            hashes = [] if stored is None else analysis_plans.hashes(self._database, stored.plan)
            self._plans[experiment.name] = None if stored is None else (stored, hashes)
        known = self._plans[experiment.name]
        return known if known is not None and is_frozen({experiment.name: known[0].plan}, experiment) else None

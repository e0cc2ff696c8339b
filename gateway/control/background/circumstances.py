"""Reads what a step of the monitor must know besides the sums: stages, approvals, workers, models, breakers."""

from collections.abc import Callable, Mapping, Sequence

from fairtrial.domain.plan import Experiment
from fairtrial.experiments.monitor import Circumstances
from fairtrial.experiments.steady_time import StepTime
from fairtrial.experiments.sums import Sums
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import transitions
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.transitions import KeptAwayByCause
from fairtrial.store.traffic.answers import LAST, Pair, ServedModels, served_models
from gateway.control.background.trusted_clock import TrustedClock

NOTHING: Pair = (None, None)


class CircumstancesReader:
    """One thread calls `read`. Changed models are remembered until ``is_check_due`` asks for them again."""

    def __init__(self, database: Database, clock: TrustedClock, *, is_check_due: Callable[[str, int], bool]) -> None:
        self._database, self._clock, self._is_check_due = database, clock, is_check_due
        self._changed: dict[str, tuple[int, tuple[str, ...]]] = {}

    def read(
        self, experiment: Experiment, stored: StoredPlan, hashes: Sequence[str], sums: Sums, clocks: StepTime
    ) -> Circumstances:
        """What the step must know. Only the next stage needs the arms and workers that follow."""
        started_us, name, now_us = stored.plan.started_us, experiment.name, clocks.now_us
        history = transitions.stage_history(self._database, name, experiment.segment, started_us=started_us)
        known_us, changed = self._changed.get(name, (None, ()))
        if known_us != started_us or self._is_check_due(name, now_us):
            changed = changed_models(self._database, experiment, since_us=started_us)
            self._changed[name] = started_us, changed
        since_us = max(history.since_us or 0, started_us)
        staged = any(stage > experiment.stage for stage in stored.plan.enrolment.stages)
        served = transitions.served_arms(self._database, name, hashes, since_us=since_us) if staged else None
        followed = transitions.workers_follow(self._database, now_us=now_us) if staged else True
        kept_away, rested = self._kept_away(stored, sums, hashes, now_us)
        return Circumstances(
            now_us=now_us,
            stage=experiment.stage,
            stage_since_us=since_us + self._clock.late_us(since_us),
            approved=history.approved,
            followed=followed,
            changed=changed,
            served=served,
            kept_away=kept_away,
            rested=rested,
            accepted=transitions.accepted_declines(self._database, name, stored.plan.segment),
            late_us=self._clock.late_us(started_us),
            held=clocks.held,
        )

    def _kept_away(self, stored: StoredPlan, sums: Sums, hashes: Sequence[str], now_us: int) -> KeptAwayByCause:
        """See `transitions.kept_away`; requests are read only if some were ever kept away."""
        plan = stored.plan
        if not any(sums.arms[name].kept_away for name in plan.treatments):
            return (), ()
        return transitions.kept_away(self._database, plan, hashes, now_us=now_us)


def changed_models(database: Database, experiment: Experiment, *, since_us: int) -> tuple[str, ...]:
    """The variants of a started experiment whose model has changed since ``since_us``; raises `StoreError`."""
    names = [variant.name for variant in experiment.variants]
    return changed_variants(served_models(database, experiment.name, names, since_us=since_us))


def changed_variants(served: Mapping[str, ServedModels]) -> tuple[str, ...]:
    """The variants whose newest answers all have one pair that none of their first answers had.

    Fewer answers than both samples together never show a change, because the samples overlap then. Fingerprints that
    alternate are no change, and answers that name neither a model nor a fingerprint show none.
    """
    return tuple(name for name, models in served.items() if _new_pair(models) is not None)


def _new_pair(models: ServedModels) -> Pair | None:
    if len(models.last) < LAST or len(set(models.last)) > 1:
        return None
    pair = models.last[0]
    return None if pair == NOTHING or pair in models.first else pair

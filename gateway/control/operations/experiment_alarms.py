"""Finds which alarms a step of the monitor raises about an experiment, and which models have changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairtrial.domain.plan import Experiment
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.values import Decision, LostRecords
from fairtrial.experiments.decision.wording import headline_words, lost_words
from fairtrial.experiments.monitor import Step
from fairtrial.store.core.database import Database
from fairtrial.store.traffic.answers import LAST, Pair, ServedModels, served_models

NOTHING: Pair = (None, None)


def experiment_alarms(plan: AnalysisPlan, result: Step, held: str = "") -> Iterator[tuple[str, str]]:
    """Each alarm's kind and text. ``held``: what decisions that wait for time need before they trust the clock."""
    memory = result.memory
    if held:
        yield (
            "clock.jump",
            f"{plan.experiment}: stages, passes, promotions and the end need {held}. Harm still stops it. Check the "
            "clock of this machine. If the wall clock is right now, acknowledge this alarm.",
        )
    if memory.split.crossed_us is not None:
        yield (
            "experiment.srm",
            f"{plan.experiment}: the units do not arrive by the planned split, so its arms can't be compared. Find "
            "the cause, then start anew with a new salt.",
        )
    yield from _lost(plan, result)
    worse = [decision for decision in result.decisions.values() if decision.worse]
    if worse and plan.on_worse == "continue":
        words = "; ".join(headline_words(plan, decision) for decision in worse)
        yield "experiment.worse", f"{plan.experiment}: {words}."
    if result.asks_approval is not None:
        yield (
            "stage.approval",
            f"{plan.experiment}: the {result.asks_approval:g} % stage waits for an approval "
            f"(fairtrial experiment approve {plan.experiment} --why …).",
        )
    broken = sorted({metric for (metric, _), latch in memory.latched.items() if latch.broken})
    if broken:
        yield (
            "experiment.changed",
            f"{plan.experiment}: the effect on {' and '.join(broken)} has changed since the start, so it stays "
            "undecided. Start a new segment.",
        )


def _lost(plan: AnalysisPlan, result: Step) -> Iterator[tuple[str, str]]:
    """The alarm that the arms lost the records of unequally many units, or seem to."""
    split = next((decision.split for decision in result.decisions.values()), None)
    if split is None or not isinstance(split.lost, LostRecords) or not split.lost.differs:
        return
    lost = lost_words(split, plan.unit)
    then = "Find the cause: at p 0.01 the arms can't be compared any more."
    if split.lost.crossed_us is not None:
        then = "The arms can't be compared any more. Find the cause, then start anew with a new salt."
    yield "experiment.lost_records", f"{plan.experiment}: {lost} {then}"


def has_just_met(decision: Decision, before: Memory) -> bool:
    """Whether this look is the first one at which the primary metric is what the plan requires."""
    primary = decision.primary
    if primary is None or not primary.meets or not decision.split.balanced:
        return False
    earlier = before.latched.get((primary.metric, decision.variant))
    return earlier is None or earlier.answer == "cannot tell"


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

"""Finds the variants behind which another model answers now than after the start, by what the answers name."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.domain.plan import Experiment
from fairtrial.store.core.database import Database
from fairtrial.store.traffic.answers import LAST, Pair, ServedModels, served_models

NOTHING: Pair = (None, None)


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

"""Caches split checks, each for 20 times as long as it took to compute."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from fairtrial.domain.plan import Experiment
from fairtrial.store.core.database import Database
from gateway.control.operations.split.check_split import SplitCheck, check_split

LIFETIME_FACTOR = 20
"""A check reads every exposure. This limits the checks of a page that is always open to a twentieth of a core."""


@dataclass(frozen=True, slots=True)
class _CachedCheck:
    analysis_hash: str
    check: SplitCheck
    until: float


class SplitCheckCache:
    """The last check of each experiment. Only one check is computed at a time."""

    def __init__(self) -> None:
        self._cached: dict[str, _CachedCheck] = {}
        self._lock = threading.Lock()

    def get(self, database: Database, experiment: Experiment) -> SplitCheck:
        """The check of one experiment, cached or computed; raises `StoreError`."""
        with self._lock:
            began, cached = time.monotonic(), self._cached.get(experiment.name)
            if cached is not None and cached.analysis_hash == experiment.analysis_hash and began < cached.until:
                return cached.check
            check = check_split(database, experiment)
            ended = time.monotonic()
            until = ended + LIFETIME_FACTOR * (ended - began)
            self._cached[experiment.name] = _CachedCheck(experiment.analysis_hash, check, until)
            return check

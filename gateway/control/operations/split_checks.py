"""Split checks for a page of all experiments: each is kept for 20 times as long as it took to compute."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from fairtrial.domain.plan import Experiment
from fairtrial.store.core.database import Database
from gateway.control.operations.check_split import SplitCheck, check_split

TIMES_ITS_COST = 20
"""A check reads every exposure, so pages that are looked at all the time take at most a twentieth of a core for it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    analysis_hash: str
    check: SplitCheck
    until: float


class SplitChecks:
    """The last check of each experiment; one is computed at a time."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._one_at_a_time = threading.Lock()

    def of(self, database: Database, experiment: Experiment) -> SplitCheck:
        """The check of one experiment, a moment old at most; raises `StoreError`."""
        with self._one_at_a_time:
            began, kept = time.monotonic(), self._kept.get(experiment.name)
            if kept is not None and kept.analysis_hash == experiment.analysis_hash and began < kept.until:
                return kept.check
            check = check_split(database, experiment)
            ended = time.monotonic()
            until = ended + TIMES_ITS_COST * (ended - began)
            self._kept[experiment.name] = _Kept(experiment.analysis_hash, check, until)
            return check

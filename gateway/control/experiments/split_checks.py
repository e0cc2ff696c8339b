"""Tests for sample-ratio mismatch: whether units were assigned to arms by the planned split. Caches the results."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from fairtrial.api.experiment_traffic import SplitCheck
from fairtrial.domain.decision.split import ArmUnits
from fairtrial.domain.estimates import NotEnough
from fairtrial.domain.plan import Experiment
from fairtrial.domain.promises import SPLIT_ALPHA
from fairtrial.stats.sequential.srm import srm_fixed, srm_status
from fairtrial.store.core.database import Database
from fairtrial.store.traffic.units import first_assignments


def check_split(database: Database, experiment: Experiment) -> SplitCheck:
    """Test one experiment, from the recorded exposures alone; raises `StoreError`."""
    names = [variant.name for variant in experiment.variants]
    planned = [variant.weight / 100 for variant in experiment.variants]
    alone = experiment.kept_control is not None
    assignments = first_assignments(
        database, experiment.name, names, analysis_hash=experiment.analysis_hash, alone=alone
    )
    so_far = (
        srm_status(assignments.arms, planned, alpha=SPLIT_ALPHA) if len(names) > 1 else NotEnough("one arm", "two arms")
    )
    counts = [int((assignments.arms == arm).sum()) for arm in range(len(names))]
    fields: dict[str, Any] = {
        "arms": tuple(map(ArmUnits, names, counts, planned)),
        "earlier": assignments.earlier,
        "more": assignments.more,
        "alpha": SPLIT_ALPHA,
    }
    if isinstance(so_far, NotEnough):
        return SplitCheck(units=sum(counts), **fields)
    fixed = srm_fixed(counts, planned)
    return SplitCheck(
        units=so_far.n,
        p=so_far.p,
        p_fixed=None if isinstance(fixed, NotEnough) else fixed,
        crossed_at=so_far.crossed_at,
        invalid=so_far.invalid,
        **fields,
    )


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

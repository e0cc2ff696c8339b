"""Whether the units of an experiment came into its arms by the planned split, safe to look at at any time."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.estimates import NotEnough
from fairtrial.domain.plan import Experiment
from fairtrial.stats.sequential.srm import srm_fixed, srm_so_far
from fairtrial.store.core.database import Database
from fairtrial.store.traffic.first_assignments import first_assignments

ALPHA = 0.01
"""A wrong split spoils every comparison, and is asked about at every refresh: rather late than wrong."""


@dataclass(frozen=True, slots=True)
class ArmSplit:
    """Units that were first assigned to one arm, and its planned share of them."""

    variant: str
    units: int
    planned: float


@dataclass(frozen=True, slots=True)
class SplitCheck:
    """Sample-ratio mismatch since units are split as they are now, by first assignments.

    ``invalid``: the split was rejected at ``alpha`` at the arrival of some unit, ``crossed_at``-th of all: the arms
    are not to be compared, and no later unit takes that back. ``p``: the always-valid p-value, ``None`` before the
    first unit; ``p_fixed``: that of the χ² test, right for a single look fixed before, ``None`` while units are too
    few for it. ``earlier``: units that came under an earlier plan only that is not known to have split alike, and are
    left out. ``more``: whether so many came that only the first ``units`` were looked at.
    """

    arms: tuple[ArmSplit, ...]
    units: int
    earlier: int
    p: float | None
    p_fixed: float | None
    crossed_at: int | None
    invalid: bool
    more: bool
    alpha: float = ALPHA


def check_split(database: Database, experiment: Experiment) -> SplitCheck:
    """The check of one experiment, computed from the recorded exposures alone; raises `StoreError`."""
    names = [variant.name for variant in experiment.variants]
    planned = [variant.weight / 100 for variant in experiment.variants]
    found = first_assignments(database, experiment.name, names, analysis_hash=experiment.analysis_hash)
    so_far = srm_so_far(found.arms, planned, alpha=ALPHA) if len(names) > 1 else NotEnough("one arm", "two arms")
    counts = [int((found.arms == arm).sum()) for arm in range(len(names))]
    arms = tuple(map(ArmSplit, names, counts, planned))
    if isinstance(so_far, NotEnough):
        return SplitCheck(arms, sum(counts), found.earlier, None, None, None, invalid=False, more=found.more)
    fixed = srm_fixed(counts, planned)
    return SplitCheck(
        arms,
        so_far.n,
        found.earlier,
        p=so_far.p,
        p_fixed=None if isinstance(fixed, NotEnough) else fixed,
        crossed_at=so_far.crossed_at,
        invalid=so_far.invalid,
        more=found.more,
    )

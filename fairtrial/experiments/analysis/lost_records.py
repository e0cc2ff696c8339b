"""Tests whether the arms lost the records of unequally many units, over all looks at an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import exp, log
from typing import Any

from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.sums import Sums
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.conversions import conversion_evidence

ALPHA = 0.01
"""Strict, because a false alarm invalidates the experiment, and the test runs at every step."""
ALARM = 0.05
"""From this p-value on an alarm says that the losses seem to differ."""
LIFT = 1.0
"""The relative difference for which the e-process is tuned: twice as many lost units in one arm."""


@dataclass(frozen=True, slots=True)
class LostLatch:
    """The test over all looks so far. ``arms``: the units and requests whose records were lost until the last one.

    ``log_e``: the largest evidence of any treatment against the control, and ``crossed_us`` when it first proved that
    their losses differ. If losses do not depend on the arm, each lost unit is the treatment's with its planned share
    of the two. A unit is counted by its cell, whose arm is known. Units that share a cell count once, which makes the
    test stricter: it is then a draw without replacement.
    """

    log_e: float = 0.0
    crossed_us: int | None = None
    arms: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def after(self, plan: AnalysisPlan, sums: Sums) -> LostLatch:
        """The test after one more look."""
        arms = {name: (sums.arms[name].lost_units, sums.arms[name].lost_requests) for name in plan.shares}
        found = [
            conversion_evidence(arms[plan.control][0], arms[name][0], lift=LIFT, share=plan.share_of(name))
            for name in plan.treatments
        ]
        log_e = max([self.log_e, *(one.log_e for one in found if isinstance(one, EValue))])
        crossed = self.crossed_us
        if crossed is None and log_e >= log(len(plan.treatments) / ALPHA):
            crossed = sums.at_us
        return LostLatch(log_e, crossed, arms)

    def p(self, treatments: int) -> float:
        """The p-value, which is valid at any time."""
        return min(1.0, treatments * exp(-self.log_e))

    def stored(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self) | {"arms": {name: list(one) for name, one in self.arms.items()}}

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> LostLatch:
        """The inverse of `stored`."""
        arms = {name: (int(units), int(requests)) for name, (units, requests) in fields["arms"].items()}
        return cls(fields["log_e"], fields["crossed_us"], arms)


def lost_after(latch: LostLatch | None, plan: AnalysisPlan, sums: Sums) -> LostLatch | None:
    """The test after one more look; ``None`` as long as nothing was lost, and for plans that do not compare."""
    none = latch is None and not any(arm.lost_requests for arm in sums.arms.values())
    if none or not plan.compares_stored or not plan.treatments:
        return latch
    return (latch or LostLatch()).after(plan, sums)

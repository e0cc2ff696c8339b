"""Keeps what the looks at an experiment have shown so far; a later look can sharpen a decision but never revoke it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import exp, log
from typing import Any

from fairtrial.domain.estimates import Estimate
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.promises import LOST_ALPHA, SPLIT_ALPHA
from fairtrial.experiments.analysis.latched import Latched
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Finding, Harm, Times
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import Sums
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.conversions import conversion_evidence
from fairtrial.stats.sequential.srm import srm_evidence

LOST_LIFT = 1.0
"""The relative difference for which the e-process is tuned: twice as many lost units in one arm."""

SPLIT, LOST = "the sample ratio does not match", "records were lost unequally"
"""Why arms can't be compared, in a few words."""
GROWTH = 0.01
"""A look is due as soon as an arm has grown by this share of its units."""

Key = tuple[str, str]
"""A metric and a variant."""


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

    def after(self, plan: AnalysisPlan, sums: Sums) -> "LostLatch":
        """The test after one more look."""
        arms = {name: (sums.arms[name].lost_units, sums.arms[name].lost_requests) for name in plan.shares}
        evidence = [
            conversion_evidence(arms[plan.control][0], arms[name][0], lift=LOST_LIFT, share=plan.share_of(name))
            for name in plan.treatments
        ]
        log_e = max([self.log_e, *(value.log_e for value in evidence if isinstance(value, EValue))])
        proven = log_e >= log(len(plan.treatments) / LOST_ALPHA)
        return LostLatch(log_e, sums.at_us if proven and self.crossed_us is None else self.crossed_us, arms)

    def p(self, treatments: int) -> float:
        """The p-value, which is valid at any time."""
        return min(1.0, treatments * exp(-self.log_e))

    def stored(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self) | {"arms": {name: list(counts) for name, counts in self.arms.items()}}

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> "LostLatch":
        """The inverse of `stored`."""
        arms = {name: (int(units), int(requests)) for name, (units, requests) in fields["arms"].items()}
        return cls(fields["log_e"], fields["crossed_us"], arms)


def lost_after(latch: LostLatch | None, plan: AnalysisPlan, sums: Sums) -> LostLatch | None:
    """The test after one more look; ``None`` as long as nothing was lost."""
    none = latch is None and not any(arm.lost_requests for arm in sums.arms.values())
    if none or not plan.treatments:
        return latch
    return (latch or LostLatch()).after(plan, sums)


@dataclass(frozen=True, slots=True)
class SplitLatch:
    """The test of the planned split over all looks. ``crossed_us``: when it was first rejected, if ever.

    ``lost``: that of lost records, once some were lost.
    """

    log_e: float = 0.0
    units: int = 0
    crossed_us: int | None = None
    lost: LostLatch | None = None

    def after(self, plan: AnalysisPlan, sums: Sums) -> "SplitLatch":
        """Both tests after one more look."""
        return replace(self._split(plan, sums), lost=lost_after(self.lost, plan, sums))

    def _split(self, plan: AnalysisPlan, sums: Sums) -> "SplitLatch":
        counts = [sums.arms[name].units for name in plan.shares]
        evidence = srm_evidence(counts, list(plan.shares.values())) if len(counts) > 1 else None
        if not isinstance(evidence, EValue):
            return self
        log_e = max(self.log_e, evidence.log_e)
        rejected = log_e >= -log(SPLIT_ALPHA / 2**plan.week)
        return SplitLatch(log_e, evidence.n, sums.at_us if rejected and self.crossed_us is None else self.crossed_us)

    @property
    def invalid(self) -> bool:
        """Whether the arms must not be compared any more."""
        return bool(self.fault)

    @property
    def fault(self) -> str:
        """Why the arms must not be compared, in a few words; empty if they may."""
        if self.crossed_us is not None:
            return SPLIT
        return LOST if self.lost is not None and self.lost.crossed_us is not None else ""

    def stored(self) -> dict[str, Any]:
        """The fields as JSON values."""
        fields = {"log_e": self.log_e, "units": self.units, "crossed_us": self.crossed_us}
        return fields if self.lost is None else fields | {"lost": self.lost.stored()}

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> "SplitLatch":
        """The inverse of `stored`."""
        lost = LostLatch.restored(fields["lost"]) if "lost" in fields else None
        return cls(fields["log_e"], fields["units"], fields["crossed_us"], lost)


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything that the looks at one analysis plan have shown.

    ``sizes``: the amount of data behind each metric of each arm at the last look, whose time is ``looked_us``.
    """

    latched: Mapping[Key, Latched] = field(default_factory=dict)
    split: SplitLatch = field(default_factory=SplitLatch)
    sizes: Mapping[Key, float] = field(default_factory=dict)
    looked_us: int = 0

    def is_due(self, sums: Sums) -> bool:
        """Whether another look is due: data grew by one percent, or at all within the last hour."""
        least = 0.0 if sums.at_us - self.looked_us >= HOUR_US else GROWTH
        return any(size > (1 + least) * self.sizes.get(key, 0.0) for key, size in sums.sizes().items())

    def is_new(self, harm: Harm) -> bool:
        """Whether counted events prove a stop that no look has proven yet."""
        return any(beyond >= 0 and self.latched.get(key, Latched()).declined_us is None for key, beyond in harm.items())

    def after(self, plan: AnalysisPlan, sums: Sums, findings: Iterable[Finding]) -> "Memory":
        """The memory after one more look."""
        latched = dict(self.in_week(plan).latched)
        for finding in findings:
            key = finding.metric, finding.variant
            latched[key] = latched.get(key, Latched()).after(finding, sums.at_us)
        return Memory(latched, self.split.after(plan, sums), sums.sizes(), sums.at_us)

    def in_week(self, plan: AnalysisPlan) -> "Memory":
        """The memory of the plan's week: of earlier ones, only the split and proven declines stay."""
        if not plan.week or self.looked_us >= plan.counts_from_us:
            return self
        latched = {
            key: Latched(declined_us=latch.declined_us, declined=latch.declined)
            for key, latch in self.latched.items()
            if latch.declined_us is not None
        }
        return Memory(latched, self.split, looked_us=self.looked_us)

    def looked(self, metric: str) -> dict[str, Times]:
        """The planned looks at a metric so far, by treatment."""
        return {variant: latched.looked for (name, variant), latched in self.latched.items() if name == metric}

    def with_split(self, plan: AnalysisPlan, sums: Sums) -> "Memory":
        """The memory with the test of the split alone, which runs at every step."""
        return replace(self, split=self.split.after(plan, sums))


@dataclass(frozen=True, slots=True, kw_only=True)
class LooksSoFar:
    """What the looks at one analysis plan have shown; ``sums`` are those of the last look."""

    plan: AnalysisPlan
    memory: Memory
    sums: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked(LooksSoFar):
    """With the ``findings`` of the last look.

    ``planned``: the interval of the last planned look at the primary metric, by treatment, where the memory of an
    earlier version lacks it.
    """

    findings: Sequence[Finding]
    planned: Mapping[str, Estimate] = field(default_factory=dict)

    def of(self, metric: MetricPlan, variant: str) -> tuple[Finding | None, Latched]:
        """The finding of the last look, and the decision over all looks."""
        finding = next(
            (each for each in self.findings if (each.metric, each.variant) == (metric.metric, variant)), None
        )
        return finding, self.memory.latched.get((metric.metric, variant), Latched())

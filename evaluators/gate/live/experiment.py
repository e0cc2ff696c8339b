"""Defines the live evidence of an experiment: its frozen plan, the sums of its last look, and all decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evaluators.gate.live.rates import Rates
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.plan import ExperimentState
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis.plan import AnalysisPlan
from fairtrial.experiments.analysis.sums import Sums
from fairtrial.experiments.report import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveExperiment:
    """What one experiment has shown and decided on the candidate, which is its ``variant``.

    ``plan`` is ``None`` before its start. ``sums``: those of the last look, and ``memory``: the decisions over all
    looks. ``planned``: the interval of the last planned look, by treatment. ``changed``: the variants of which another
    definition is declared now than the plan froze. ``looks``: how many looks there were. ``exact``: whether candidate
    and baseline are the two variants; otherwise they are deployments to which a variant adds a prompt or parameters.
    """

    name: str
    variant: str
    state: ExperimentState
    segment: int = 1
    plan: AnalysisPlan | None = None
    sums: Sums | None = None
    memory: Memory = field(default_factory=Memory)
    planned: Mapping[str, Estimate] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    looks: int = 0
    exact: bool = True

    @property
    def started(self) -> bool:
        """Whether there is a frozen plan and a look."""
        return self.plan is not None and self.sums is not None

    def evidence(self) -> Evidence:
        """The findings of the last look beside the decisions; raises `ValueError` before the first look."""
        if self.plan is None or self.sums is None:
            raise ValueError(f"{self.name} has no look yet")
        primary = self.plan.primary
        looked = self.memory.looked(primary.metric) if primary else None
        findings = find(self.plan, self.sums, looked)
        return Evidence(
            plan=self.plan, memory=self.memory, findings=findings, sums=self.sums, planned=dict(self.planned)
        )


@dataclass(frozen=True, slots=True)
class EarlierHarm:
    """Harm to a guardrail that an earlier segment, or another experiment, has proven of the candidate's model.

    ``cleared``: whether a later analysis of the same model has proven the metric safe. ``at_us``: microseconds since
    1970, UTC.
    """

    experiment: str
    segment: int
    variant: str
    metric: str
    at_us: int
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class LiveEvidence:
    """All live evidence of a trial: plain rates, and the experiments that compare the candidate with the baseline.

    ``earlier``: harm that other analyses of the candidate's model have proven.
    """

    rates: Rates = field(default_factory=dict)
    experiments: Sequence[LiveExperiment] = ()
    earlier: Sequence[EarlierHarm] = ()


NO_LIVE_EVIDENCE = LiveEvidence()

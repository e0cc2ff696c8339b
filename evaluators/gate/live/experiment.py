"""Defines the live evidence of a trial: what each experiment has decided on the candidate, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from evaluators.gate.live.rates import Rates
from fairtrial.domain.estimates import Estimate
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.effects import Effect, KnownState, LiveState, effects
from fairtrial.experiments.decision.values import Decision, EarlierProof
from fairtrial.experiments.sums import Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveExperiment(KnownState):
    """What one experiment has shown and decided on the candidate, which is its ``variant``.

    ``plan`` is ``None`` before its start. ``sums``: those of the last look, and ``memory``: the decisions over all
    looks. ``decision``: what control stored at that look; ``None`` in evidence of version 1. ``planned``: the interval
    of the last planned look, by treatment, in evidence of version 1. ``changed``: the variants of which another
    definition is declared now than the plan froze. ``looks``: how many looks there were. ``exact``: whether candidate
    and baseline are what the two variants serve; otherwise a variant adds a prompt or parameters, and the experiment is
    only named. ``late_us`` is that of `DecidedLook`.
    """

    segment: int = 1
    plan: AnalysisPlan | None = None
    sums: Sums | None = None
    memory: Memory = field(default_factory=Memory)
    decision: Decision | None = None
    planned: Mapping[str, Estimate] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    looks: int = 0
    exact: bool = True
    late_us: int = 0

    @property
    def started(self) -> bool:
        """Whether there is a frozen plan and a look."""
        return self.plan is not None and self.sums is not None

    def effects(self, earlier: Sequence[EarlierProof], now_us: int) -> tuple[Effect, ...]:
        """What it says about a release of its variant."""
        state: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(KnownState)}
        live = LiveState(**state, now_us=now_us, earlier=tuple(earlier), redefined=self.variant in self.changed)
        return effects(self.plan, self.decision, live)


@dataclass(frozen=True, slots=True)
class LiveEvidence:
    """All live evidence of a trial: plain rates, and the experiments that compare the candidate with the baseline.

    ``earlier``: what other attempts of the candidate's definition have proven. ``read``: whether the experiments were
    read at all; if not, nothing is said about them.
    """

    rates: Rates = field(default_factory=dict)
    experiments: Sequence[LiveExperiment] = ()
    earlier: Sequence[EarlierProof] = ()
    read: bool = True

    @property
    def counting(self) -> tuple[LiveExperiment, ...]:
        """The experiments of exactly these two definitions, whose effects count without a line."""
        return tuple(one for one in self.experiments if one.exact)


NO_LIVE_EVIDENCE = LiveEvidence(read=False)

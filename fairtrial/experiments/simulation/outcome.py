"""What one simulated trial led to, and whether a candidate may ship by the rule of the live gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fairtrial.experiments.analysis.memory import Latched, Memory
from fairtrial.experiments.analysis.plan import AnalysisPlan
from fairtrial.experiments.analysis.sums import Sums
from fairtrial.experiments.monitor import DAY_US, Step, passes_us

End = Literal["ship", "kill", "pause", "end", "stage", "stopped"]


@dataclass(slots=True)
class Outcome:
    """One trial.

    ``end``: why it ended; ``stopped`` is by a person. ``days``: its length. ``units``: of each arm at the end.
    ``by``: the guardrail that stopped it. ``better`` and ``worse``: whether the primary metric was ever said to be so
    for any treatment. ``safe``: the guardrails that were ever said to be safe. ``invalid``: whether the split was ever
    rejected. ``broken``: whether intervals excluded each other. ``decided_us``: when the primary metric
    was first said to be better, or not worse.
    """

    end: End | None = None
    days: float = 0.0
    units: Mapping[str, int] = field(default_factory=dict)
    by: str = ""
    better: bool = False
    worse: bool = False
    not_worse: bool = False
    safe: set[str] = field(default_factory=set)
    invalid: bool = False
    broken: bool = False
    looks: int = 0
    decided_us: int | None = None

    def looked(self, plan: AnalysisPlan, found: Step) -> None:
        """Add what a step of the monitor said."""
        self.looks += bool(found.findings)
        for one in found.findings:
            if one.role == "guardrail" and one.answer == "safe":
                self.safe.add(one.metric)
        primary = plan.primary
        for variant in plan.treatments if primary is not None else ():
            latched = found.memory.latched.get((primary.metric, variant)) if primary else None
            if latched is not None:
                self.better |= latched.answer == "better"
                if self.decided_us is None and latched.answer in ("better", "not worse"):
                    self.decided_us = latched.answered_us
                self.worse |= latched.answer == "worse"
                self.not_worse |= latched.answer == "not worse"
                self.broken |= latched.broken
        if found.verdict is not None and found.verdict.do in ("kill", "pause"):
            self.by = str(found.verdict.evidence.get("metric", ""))

    def ended(self, end: End, after_us: int, sums: Sums) -> None:
        """Close it."""
        self.end, self.days = end, after_us / DAY_US
        self.units = {name: arm.units for name, arm in sums.arms.items()}


def shipped(plan: AnalysisPlan, memory: Memory, now_us: int) -> str | None:
    """The first treatment that may ship: its primary metric passes, all guardrails are safe, and the split is valid."""
    if plan.primary is None or memory.split.invalid:
        return None
    return next((one for one in plan.treatments if _ships(plan, memory, one, now_us)), None)


def _ships(plan: AnalysisPlan, memory: Memory, variant: str, now_us: int) -> bool:
    primary = plan.primary
    if primary is None or not all(_safe(memory.latched.get((one.metric, variant))) for one in plan.guardrails):
        return False
    found = memory.latched.get((primary.metric, variant))
    wanted = ("better",) if primary.require == "superior" else ("better", "not worse")
    if found is None or found.answered_us is None or found.broken or found.answer not in wanted:
        return False
    return now_us >= passes_us(plan, found.answered_us)


def _safe(found: Latched | None) -> bool:
    return found is not None and found.answer == "safe" and not found.broken

"""What one simulated trial led to, and whether a candidate may ship by the rule of the live gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fairtrial.domain.limits.constants import DAY_US
from fairtrial.experiments.decision.values import Decision
from fairtrial.experiments.lifecycle import DECLINED
from fairtrial.experiments.monitor import Step
from fairtrial.experiments.sums import Sums

End = Literal["ship", "kill", "pause", "end", "stage", "rollback", "stopped"]


@dataclass(slots=True)
class Outcome:
    """One trial.

    ``end``: why it ended; ``stopped`` is by a person. ``days``: its length. ``units``: of each arm at the end.
    ``by``: the guardrail that stopped it. ``paused``: the units of each arm when a decline first paused it. ``better``
    and ``worse``: whether the primary metric was ever said to be so for any treatment. ``safe``: the guardrails that
    were ever said to be safe. ``invalid``: whether the split was ever rejected. ``broken``: whether intervals excluded
    each other. ``decided_us``: when the primary metric was first said to be better, or not worse.
    """

    end: End | None = None
    days: float = 0.0
    units: Mapping[str, int] = field(default_factory=dict)
    by: str = ""
    paused: Mapping[str, int] = field(default_factory=dict)
    better: bool = False
    worse: bool = False
    not_worse: bool = False
    safe: set[str] = field(default_factory=set)
    invalid: bool = False
    broken: bool = False
    looks: int = 0
    decided_us: int | None = None

    def looked(self, found: Step, sums: Sums) -> None:
        """Add what a step of the monitor said."""
        self.looks += bool(found.findings)
        for one in found.findings:
            if one.role == "guardrail" and one.answer == "safe":
                self.safe.add(one.metric)
        for primary in (one.primary for one in found.decisions.values()):
            if primary is not None:
                self.better |= primary.answer == "better"
                if self.decided_us is None and primary.answer in ("better", "not worse"):
                    self.decided_us = primary.answered_us
                self.worse |= primary.answer == "worse"
                self.not_worse |= primary.answer == "not worse"
                self.broken |= primary.changed
        if found.verdict is not None and found.verdict.do in ("kill", "pause"):
            evidence = found.verdict.evidence
            declined = evidence.get(DECLINED, ())
            self.by = str(evidence.get("metric") or next((one["metric"] for one in declined), ""))
            if declined and not self.paused:
                self.paused = {name: arm.units for name, arm in sums.arms.items()}

    def ended(self, end: End, after_us: int, sums: Sums) -> None:
        """Close it."""
        self.end, self.days = end, after_us / DAY_US
        self.units = {name: arm.units for name, arm in sums.arms.items()}


def shipped(decisions: Mapping[str, Decision], now_us: int) -> str | None:
    """The first treatment that may ship: its primary metric passes, all guardrails are safe, and the split is valid."""
    return next((variant for variant, one in decisions.items() if one.ships(now_us)), None)

"""Defines a live line with its experiment, and the sentences that all live findings share."""

from __future__ import annotations

from dataclasses import dataclass

from evaluators.criteria.grammar import GateLine
from evaluators.gate.live.experiment import LiveExperiment
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.verdict import Finding, Result
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.over_time_wording import unseen_words
from fairtrial.experiments.decision.split_wording import invalid_words
from fairtrial.experiments.decision.values import Decision, MetricDecision
from fairtrial.experiments.decision.wording import levels_words

WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Decided:
    """An experiment that has a look, with its plan and its decision."""

    live: LiveExperiment
    plan: AnalysisPlan
    decision: Decision

    def levels(self, one: MetricDecision) -> str:
        return f"{one.metric}: {levels_words(self.plan, one)}"

    def undecided(self, one: MetricDecision) -> str:
        return self.levels(one) + (f" ({one.why})" if one.why else "")


@dataclass(frozen=True, slots=True)
class LiveLine:
    """A line, the gate that has it, and the time of judging, in microseconds since 1970, UTC."""

    text: str
    source: str
    line: GateLine
    now_us: int

    def found(self, result: Result, says: str, needed: str = "", evidence: Estimate | None = None) -> Finding:
        """The finding of this line."""
        return Finding(self.text, self.source, result, says, needed, self.line.metric, evidence=evidence)

    def split_is_invalid(self, decided: Decided) -> Finding:
        """The finding that the arms can't be compared."""
        words = invalid_words(decided.decision.split, decided.decision.unit, self.now_us)
        says = f"{decided.live.name}: INVALID: {words}"
        return self.found("invalid", says, "the cause, then a new salt")


def notes_text(plan: AnalysisPlan) -> str:
    """What limits the decision: attempts, amendments, and less than a whole week."""
    notes = []
    if plan.attempt > 1:
        notes.append(f"attempt {plan.attempt}, at an alpha of {100 * plan.alpha_attempt:.3g} %")
    if plan.revision > 1:
        times = "once" if plan.revision == 2 else f"{plan.revision - 1} times"
        notes.append(f"the plan was amended {times}")
    if plan.may_miss_fading:
        notes.append(f"it may decide after {plan.min_days:g} days, so {unseen_words(plan)}")
    elif plan.min_days < WEEK_DAYS:
        notes.append(f"it may decide after {plan.min_days:g} days")
    return f" [{'; '.join(notes)}]" if notes else ""

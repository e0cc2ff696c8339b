"""Defines a live line with its experiment, and the sentences that all live findings share."""

from __future__ import annotations

from dataclasses import dataclass

from evaluators.criteria.grammar import GateLine
from evaluators.gate.live.experiment import LiveExperiment
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.verdict import Finding, Result
from fairtrial.experiments.analysis.memory import Latched
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.report import Evidence, Situation, arms_words, invalid_sentence

WEEK_DAYS = 7


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

    def split_is_invalid(self, live: LiveExperiment, shown: Evidence) -> Finding:
        """The finding that the arms can't be compared."""
        says = f"{live.name}: {invalid_sentence(shown.memory.split.crossed_us, situation(live, self.now_us))}"
        return self.found("invalid", says, "the cause, then a new salt")


def latched_of(live: LiveExperiment, metric: MetricPlan) -> Latched:
    return live.memory.latched.get((metric.metric, live.variant), Latched())


def levels_text(shown: Evidence, metric: MetricPlan, variant: str) -> str:
    return f"{metric.metric}: {arms_words(shown, metric, variant, shown.of(metric, variant)[0])}"


def undecided_text(shown: Evidence, metric: MetricPlan, variant: str) -> str:
    finding = shown.of(metric, variant)[0]
    why = f" ({finding.why})" if finding is not None and finding.why else ""
    return levels_text(shown, metric, variant) + why


def situation(live: LiveExperiment, now_us: int) -> Situation:
    return Situation(now_us=now_us, state=live.state, last=None, stage=100.0, stage_since_us=0)


def notes_text(plan: AnalysisPlan) -> str:
    """What limits the decision: attempts, amendments, and less than a whole week."""
    notes = []
    if plan.attempt > 1:
        notes.append(f"attempt {plan.attempt}, at an alpha of {100 * plan.alpha_attempt:.3g} %")
    if plan.revision > 1:
        times = "once" if plan.revision == 2 else f"{plan.revision - 1} times"
        notes.append(f"the plan was amended {times}")
    if plan.min_days < WEEK_DAYS:
        notes.append(f"it may decide after {plan.min_days:g} days")
    return f" [{'; '.join(notes)}]" if notes else ""

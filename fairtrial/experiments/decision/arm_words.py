"""Words the level of one arm with what it counts."""

from fairtrial.domain.decision.arms import Arm
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods import finding
from fairtrial.experiments.metric_plan import MetricPlan


def arm_words(plan: AnalysisPlan, metric: MetricPlan, arm: Arm) -> str:
    """The level of one arm with its number of units."""
    units, level = counted(arm.units, plan.unit), finding.level_words(arm.level, metric)
    if metric.counts_requests:
        return f"{level} of the requests of {units} of {arm.variant}"
    return (
        f"{level} of {units} of {arm.variant}" if finding.is_share(metric) else f"{level} for {units} of {arm.variant}"
    )

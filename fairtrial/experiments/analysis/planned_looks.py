"""Says which experiments have planned looks at the primary metric, of what size, and when a look is due."""

from collections.abc import Sequence
from dataclasses import replace
from math import floor

from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.domain.plan import Experiment
from fairtrial.domain.promises import ALPHA, PLANNED_POWER, POWER
from fairtrial.domain.settings import SPLIT
from fairtrial.domain.wording import moment_words
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Times
from fairtrial.experiments.methods.method import question_of
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.planning.normal_sizes import planned_size
from fairtrial.stats.planning.question import RARE, Design
from fairtrial.stats.sequential.group_sequential import LOOKS

UNKNOWN = 0.5
"""The level of a share that nobody stated."""


def units_at_the_end(
    experiment: Experiment, metrics: Sequence[MetricPlan], min_days: float, rules: int
) -> float | None:
    """The units of both compared variants at which planned looks have spent all of alpha; ``None`` without such looks.

    All units are taken to give feedback, and a share whose level is not stated to be 50 %, which needs the most units.
    With several treatments, it is that of the one with the fewest units. ``metrics``: as the file declares them.
    """
    primary = metrics[0] if experiment.primary else None
    if primary is None or experiment.looks == "monitor":
        return None
    if experiment.looks is None and not (rules > 6 and min_days >= 7 and _has_planned_looks(primary)):
        return None
    level = UNKNOWN if primary.level is None else primary.level
    level = 1 - level if primary.counts_requests and primary.better == "higher" else level
    weights = {variant.name: variant.weight for variant in experiment.variants}
    control, fewest = weights.pop(experiment.control), min(weights.values())
    alpha, power = ALPHA * experiment.sources.get(SPLIT, 1.0) / len(weights), 1 - (1 - POWER) / len(metrics)
    if not (control and fewest):
        return None
    try:
        question = question_of(replace(primary, response=1.0), experiment.unit, level=level)
    except ValueError:
        return None  # an effect that the assumed level has no room for
    design = Design(per_week=1.0, share=fewest / (control + fewest), alpha=alpha)
    return planned_size(question, design, max(power, PLANNED_POWER) if rules > 6 else power)


def _has_planned_looks(primary: MetricPlan) -> bool:
    """Whether looks are planned unless the file says otherwise: at a share of feedback that isn't rare."""
    is_share = primary.method in ("feedback", "given") and primary.within == (0.0, 1.0)
    is_known = not primary.needs_level or primary.level is not None
    is_rare = primary.level is not None and not RARE <= primary.level <= 1 - RARE
    # The size for the worst case depends on the share of units with feedback, which nobody knows at the start.
    return is_share and is_known and not is_rare and primary.missing != "worst_case"


def planned_look(plan: AnalysisPlan, looked: Times, share: float, *, at_us: int, since_us: int) -> Times | None:
    """The looks up to one that is due now; ``None`` if none is due.

    A look is due with the first data of each whole week, and once at the end, where it spends all that is left. By
    rules 6 it is due as soon as the units reach the next tenth. The bounds follow from the exact share, so a late
    look costs nothing. After the whole there is none. ``since_us``: when the experiment was looked at before.
    """
    before = looked.information or 0.0
    if before >= 1 or looked.last or not share > 0:
        return None
    if not plan.looks_weekly:
        return Times((*looked.shares, share)) if floor(LOOKS * share) > floor(LOOKS * before) else None
    if at_us >= plan.ends_us:  # without new units it takes the place of the look before, whose bound is wider
        return Times((*(earlier for earlier in looked.shares if earlier < share), share), last=True)
    is_due = is_week_over(plan, at_us, since_us) and share > before
    return Times((*looked.shares, share)) if is_due else None


def is_week_over(plan: AnalysisPlan, at_us: int, since_us: int) -> bool:
    """Whether a look is due by the clock: the first one after a whole week, or after the end."""
    if not plan.looks_weekly:
        return False
    week = plan.whole_weeks(at_us)
    return (week > 0 and week > plan.whole_weeks(since_us)) or since_us < plan.ends_us <= at_us


def not_yet(plan: AnalysisPlan, looked: Times, at_us: int) -> str:
    """When the next planned look is."""
    before = looked.information or 0.0
    if looked.last or before >= 1:
        return "all planned looks were made" if plan.looks_weekly else f"all of the {LOOKS} planned looks were made"
    if plan.looks_weekly and at_us >= plan.ends_us:
        return "the last planned look is made when it has units with a value"
    if plan.looks_weekly:
        week = plan.whole_weeks(at_us) + 1
        next_us = min(plan.from_us + week * WEEK_US, plan.ends_us)
        return f"the next planned look is at the end of week {week}, on {moment_words(next_us, now_us=at_us)}"
    following = floor(LOOKS * before) + 1
    units = following / LOOKS * (plan.planned_units or 0.0)
    return f"look {following} of {LOOKS} is planned at {units:,.0f} units of the two variants"

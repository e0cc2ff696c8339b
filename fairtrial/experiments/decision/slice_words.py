"""Words what slices by tag show, and which of them have a worse treatment."""

from collections.abc import Sequence

from fairtrial.domain.decision.slices import SliceFinding
from fairtrial.domain.promises import MIN_SLICE_UNITS, SLICE_ALPHA
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import between_words, goodness, level_words, way_words

MOST_NAMED = 3


def slice_levels(plan: AnalysisPlan, finding: SliceFinding) -> str:
    """The levels of both arms, such as ``41.2 % against 60.3 %``, the treatment first."""
    metric = plan.metric(finding.metric)
    return " against ".join(level_words(arm.level, metric) for arm in (finding.treatment, finding.control))


def slice_effect(plan: AnalysisPlan, finding: SliceFinding) -> str:
    """``19.1 points worse (between 30 points worse and 8.3 points worse)``, or that there is no interval yet."""
    metric, difference = plan.metric(finding.metric), finding.difference
    if difference is None:
        return "no interval yet"
    way = way_words(goodness(difference.value, metric), metric)
    return f"{way} ({between_words(difference.estimate(), metric)})"


def slice_name(finding: SliceFinding) -> str:
    """``language = de``."""
    return f"{finding.tag} = {finding.value or '(empty)'}"


def slice_line(plan: AnalysisPlan, finding: SliceFinding) -> str:
    """One slice with its levels, effect and units."""
    units = f"{finding.treatment.units:,} and {counted(finding.control.units, plan.unit)}"
    effect = f"{finding.treatment.variant} is {slice_effect(plan, finding)}"
    return f"{slice_name(finding)}: {finding.metric} {slice_levels(plan, finding)}: {effect}, {units}"


def worse_words(plan: AnalysisPlan, worse: Sequence[SliceFinding]) -> str:
    """The slices in which a treatment is worse, without a full stop; empty if there is none."""
    named = "; ".join(slice_line(plan, finding) for finding in worse[:MOST_NAMED])
    more = f"; and {len(worse) - MOST_NAMED} more" if len(worse) > MOST_NAMED else ""
    return f"worse by tag (e-BH at {100 * SLICE_ALPHA:g} %, which decides nothing): {named}{more}" if worse else ""


def slices_sentence(plan: AnalysisPlan, findings: Sequence[SliceFinding], *, small: int) -> str:
    """How many slices are worse, for the heading of their table. ``small``: slices that have too few units."""
    slices = {(finding.tag, finding.value) for finding in findings}
    worse = {(finding.tag, finding.value) for finding in findings if finding.worse}
    few = f"below {MIN_SLICE_UNITS} {plan.unit}s an arm"
    if not slices:
        return f"All {small} slices by tag are {few}." if small > 1 else f"The only slice by tag is {few}."
    rest = f"; {small} more {'is' if small == 1 else 'are'} {few}" if small else ""
    result = f"Worse in {len(worse)}" if worse else "No decline is proven in any"
    return f"{result} of {counted(len(slices), 'slice')} by tag{rest}."

"""Shows the metrics of an experiment by the tags of units' first requests. Slices decide nothing."""

from fairtrial.api.experiment_answers import ShownSlice, Slices
from fairtrial.experiments.analysis.slices import find_worse
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.slice_words import slice_effect, slice_levels, slice_name, slices_sentence
from fairtrial.store.core.database import Database
from fairtrial.store.experiments.sums.slice_sums import find_slices


def describe_slices(database: Database, plan: AnalysisPlan, *, now_us: int) -> Slices | None:
    """All slices with enough units; ``None`` if no unit has a tag. Raises `StoreError`."""
    slices = find_slices(database, plan, now_us=now_us)
    if not slices:
        return None
    findings = find_worse(plan, slices)
    small = len(slices) - len({(finding.tag, finding.value) for finding in findings})
    return Slices(
        slices_sentence(plan, findings, small=small),
        tuple(
            ShownSlice(each, slice_name(each), slice_levels(plan, each), slice_effect(plan, each)) for each in findings
        ),
    )

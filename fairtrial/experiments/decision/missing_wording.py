"""Says in words what the units without feedback count as, and what the worst case of their answers shows."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.values import Decision, MetricDecision, MissingFeedback
from fairtrial.experiments.metric_wording import between_words, size_words

AT_RANDOM = "count as missing at random (missing: at_random)"
DIFFER = "but the arms may differ in how many there are, so the worst case must agree too"
WORST_CASE = "the worst case must agree too (missing: worst_case)"


def missing_words(plan: AnalysisPlan, variant: str, one: MetricDecision) -> str:
    """What missing values of a metric count as, with the worst case; empty where the plan does not state it."""
    found = one.missing_feedback
    if not isinstance(found, MissingFeedback):
        return ""
    given, silent = "", f"{plan.unit}s without feedback"
    if found.control == found.treatment == 1:
        return f"all {plan.unit}s of {variant} and {plan.control} gave feedback (missing: {found.counts_as})"
    if found.control is not None and found.treatment is not None:
        control, treatment = _percent(found.control), _percent(found.treatment)
        given = f"{treatment} of the {plan.unit}s of {variant} and {control} of {plan.control} gave feedback; "
        silent = "the others"
    rule = WORST_CASE
    if found.counts_as == "at_random":
        asked = found.must_agree and found.worst_case is not None
        rule = f"{silent} {AT_RANDOM}" + (f", {DIFFER}" if asked else "")
    if found.worst_case is None:
        return f"{given}{rule}"
    metric = plan.metric(one.metric)
    between, aim = between_words(found.worst_case.estimate(), metric), size_words(metric.margin_on_scale or 0.0, metric)
    says = f"with each missing answer counted for the other side, {variant} is {between}"
    few = found.must_agree and found.least is not None and _least_given(found) <= found.least
    needs = f"; to show {aim}, over {_percent(found.least or 0.0)} must give feedback" if few else ""
    return f"{given}{rule}{':' if found.must_agree else ';'} {says}{needs}"


def missing_sentence(plan: AnalysisPlan, decisions: Mapping[str, Decision]) -> str:
    """The same of the primary metric, for all treatments; empty where the plan does not state it."""
    found = (missing_words(plan, name, one.primary) for name, one in decisions.items() if one.primary is not None)
    return " ".join(f"{words[0].upper()}{words[1:]}." for words in found if words)


def _least_given(found: MissingFeedback) -> float:
    known = [share for share in (found.control, found.treatment) if share is not None]
    return min(known, default=1.0)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"

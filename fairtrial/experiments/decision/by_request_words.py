"""Words the difference by request, the units behind it, and the share of requests that the heaviest units send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from fairtrial.domain.decision.by_request import ByRequest, UnitBehind
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import level_words, way_words
from fairtrial.experiments.metric_plan import MetricPlan

if TYPE_CHECKING:
    from fairtrial.domain.decision.values import Decision


def by_request_words(metric: MetricPlan, variant: str, unit: str, by_request: ByRequest) -> str:
    """The difference with its requests, the units behind it, and those that were accepted."""
    control, treatment = by_request.rates
    size = way_words(control - treatment, metric) if treatment != control else "no different"
    levels = " against ".join(
        f"{level_words(1 - rate if metric.better == 'higher' else rate, metric)} of {counted(round(sent), 'request')}"
        for rate, (_, sent) in ((treatment, by_request.treatment), (control, by_request.control))
    )
    words = f"by request {variant} is {size} ({levels})"
    if by_request.behind:
        one = by_request.behind == 1
        names = f" ({names_of(by_request.named)})" if by_request.named else ""
        words += f"; {counted(by_request.behind, unit)}{names} {'is' if one else 'are'} behind it"
    return "; ".join([words, *(accepted.words for accepted in by_request.accepted)])


def names_of(units: Sequence[UnitBehind]) -> str:
    return ", ".join(unit.unit for unit in units)


def needed_words(experiment: str, unit: str, by_request: ByRequest) -> str:
    """What settles a difference by request that holds a release."""
    if not by_request.named:
        return f"a candidate that serves them as well, or more {unit}s"
    options = " ".join(f"--unit {behind.unit}" for behind in by_request.named)
    accept = f"fairtrial experiment approve {experiment} {options} --why …"
    return f"a candidate that serves them as well, more {unit}s, or an admin who accepts them ({accept})"


def heaviest_sentence(decisions: Mapping[str, Decision]) -> str:
    """The share of requests that the heaviest units send, for all treatments; empty if it is unknown."""
    words = {heaviest_words(decision) for decision in decisions.values()}
    if len(words) == 1:
        return "".join(f" {text[0].upper()}{text[1:]}." for text in words if text)
    texts = ((name, heaviest_words(decision)) for name, decision in decisions.items())
    return "".join(f" Of {name} and the control, {text}." for name, text in texts if text)


def heaviest_words(decision: Decision) -> str:
    """The share of requests that the heaviest units of both arms send, by the first rate of requests; may be empty."""
    lines = (guardrail.by_request for guardrail in decision.guardrails if guardrail.by_request is not None)
    share = next((line.heaviest for line in lines if line.heaviest is not None), None)
    if share is None or decision.unit == "request":
        return ""
    return f"the heaviest 1 % of {decision.unit}s send {100 * share:.3g} % of the requests"


def open_sentence(plan: AnalysisPlan, decisions: Sequence[Decision]) -> str:
    """What guardrails that are not proven safe wait for, once the primary metric counts."""
    unproven = sum(guardrail.answer != "safe" for decision in decisions for guardrail in decision.guardrails)
    more = unproven - len(held_by_request(decisions))
    waits = f"Wait until {counted(more, 'more guardrail')} {'is' if more == 1 else 'are'} proven safe." if more else ""
    return " ".join(filter(None, (held_sentence(plan, decisions), waits)))


def held_by_request(decisions: Iterable[Decision]) -> list[ByRequest]:
    """The differences by request that alone keep their guardrails from being safe."""
    lines = (guardrail.by_request for decision in decisions for guardrail in decision.guardrails)
    return [line for line in lines if line is not None and line.holds]


def held_sentence(plan: AnalysisPlan, decisions: Iterable[Decision]) -> str:
    """What settles the differences by request that keep guardrails from being safe; empty without any."""
    held = held_by_request(decisions)
    if not held:
        return ""
    words = needed_words(plan.experiment, plan.unit, next((line for line in held if line.named), held[0]))
    return f"By request {counted(len(held), 'guardrail')} can't be called safe. It needs {words}."

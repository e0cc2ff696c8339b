"""Checks the metrics of experiments against the catalogue and the declared feedback, and reads their properties."""

from collections.abc import Mapping

from fairtrial.config.file.schema import MetricSection
from fairtrial.domain.errors import nearest
from fairtrial.domain.metrics import CATALOGUE, Better, Method

NOT_LIVE = {
    "review": "reviewers decide it, not live traffic: require it in a gate",
    "judge": "nothing in this version measures it on live traffic",
    "safety": "nothing in this version measures it on live traffic",
}
"""Families of other metrics, and why no experiment can use them."""
DECIDING = {name for name, metric in CATALOGUE.items() if metric.decides}
GIVEN = ".given"
"""The end of the name of the metric whether a unit gave a feedback."""

EXAMPLES = "1pp is one percentage point, 20% is relative to the control"


def names_of(key: str) -> set[str]:
    """The metrics that a declared feedback makes: its value, and whether it was given."""
    return {f"feedback.{key}", f"feedback.{key}{GIVEN}"}


def unknown_metric(name: str, declared: Mapping[str, MetricSection]) -> tuple[str, str] | None:
    """What is wrong with a metric's name, and the known ones; ``None`` if live traffic can decide it."""
    family, _, key = name.partition(".")
    if name in CATALOGUE and CATALOGUE[name].decides:
        return None
    if name in CATALOGUE:
        return f"the metric {name!r} is shown and never decides", "control pauses by it, without a guardrail"
    if family in NOT_LIVE and key:
        return f"the metric {name!r} can't be used here", NOT_LIVE[family]
    known = {name for metric in declared.values() for name in names_of(metric.key)}
    if family == "feedback" and key:
        return _unknown_feedback(name, declared) if name in known else _undeclared(key, declared)
    return f"the metric {name!r} does not exist", nearest(name, DECIDING | known)


def _undeclared(key: str, declared: Mapping[str, MetricSection]) -> tuple[str, str]:
    line = f"or declare it: metrics: {{{key}: {{from: feedback, key: {key}, kind: boolean}}}}"
    keys = {metric.key for metric in declared.values()}
    return f"the feedback {key!r} is not declared under metrics", f"{nearest(key, keys)}, {line}"


def _unknown_feedback(name: str, declared: Mapping[str, MetricSection]) -> tuple[str, str] | None:
    """Why a declared feedback can't decide; whether it was given always can."""
    metric = _declared(name, declared)
    if metric is None or name.endswith(GIVEN):
        return None
    if metric.kind == "category":
        return f"{name} has words, which can't decide an experiment", "use a boolean or a number"
    if metric.kind == "number" and metric.range is None:
        return f"{name} needs the range of its numbers", "such as range: [1, 5] under metrics"
    return None


def _declared(name: str, declared: Mapping[str, MetricSection]) -> MetricSection | None:
    return next((metric for metric in declared.values() if name in names_of(metric.key)), None)


def method_of(name: str, declared: Mapping[str, MetricSection]) -> Method:
    """How a known metric is decided."""
    if name in CATALOGUE:
        return CATALOGUE[name].method
    metric = _declared(name, declared)
    return "given" if metric is not None and f"feedback.{metric.key}" != name else "feedback"


def better_of(name: str, declared: Mapping[str, MetricSection]) -> Better:
    """The direction of a known metric that is better."""
    if name in CATALOGUE:
        return CATALOGUE[name].better
    metric = _declared(name, declared)
    return "higher" if metric is None or name.endswith(GIVEN) else metric.better


def is_share(name: str, declared: Mapping[str, MetricSection]) -> bool:
    """Whether the metric is between 0 and 1, so that a margin in percentage points makes sense."""
    if name in CATALOGUE:
        return CATALOGUE[name].is_share
    metric = _declared(name, declared)
    return name.endswith(GIVEN) or (metric is not None and metric.kind != "number")

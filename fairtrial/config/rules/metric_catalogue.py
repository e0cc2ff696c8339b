"""Lists the metrics that can decide an experiment: the built-in families, and feedback that the file declares."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.config.file.errors import nearest
from fairtrial.config.file.schema import MetricSection

SHARES = {
    "requests.error_rate",
    "requests.user_error_rate",
    "requests.rejected_rate",
    "requests.refusal_rate",
    "requests.fallback_rate",
    "requests.schema_valid_rate",
    "requests.regenerate_rate",
    "review.accuracy",
    "review.preference",
}
AMOUNTS = {
    "requests.latency_p50",
    "requests.latency_p95",
    "requests.latency_p99",
    "requests.ttft_p50",
    "requests.ttft_p95",
    "requests.tokens",
    "cost.per_request",
    "cost.per_unit",
    "review.tone",
    "review.usefulness",
}
ERRORS_AND_SAFETY = {
    "requests.error_rate",
    "requests.user_error_rate",
    "requests.rejected_rate",
    "requests.fallback_rate",
    "requests.schema_valid_rate",
}
"""Metrics whose default stop margin is 0."""

FAMILIES = ("requests", "cost", "feedback", "review")
OPEN_FAMILIES = ("judge", "safety")
"""Families without a fixed list of names. Nothing in this version measures them."""


def unknown_metric(name: str, declared: Mapping[str, MetricSection]) -> tuple[str, str] | None:
    """What is wrong with a metric's name, and the known ones; ``None`` if it can be used."""
    family, _, key = name.partition(".")
    keys = {metric.key for metric in declared.values()}
    if name in SHARES | AMOUNTS or (family == "feedback" and key in keys):
        return None
    if family in OPEN_FAMILIES:
        return f"nothing in this version measures {name!r}", f"families: {', '.join(FAMILIES)}"
    if family == "feedback" and key:
        line = f"or declare it: metrics: {{{key}: {{from: feedback, key: {key}, kind: boolean}}}}"
        return f"the feedback {key!r} is not declared under metrics", f"{nearest(key, keys)}, {line}"
    return f"the metric {name!r} does not exist", nearest(name, SHARES | AMOUNTS | {f"feedback.{key}" for key in keys})


def is_share(name: str, declared: Mapping[str, MetricSection]) -> bool:
    """Whether the metric is between 0 and 1, so that a margin in percentage points makes sense."""
    family, _, key = name.partition(".")
    if family == "feedback":
        return any(metric.key == key and metric.kind != "number" for metric in declared.values())
    return name in SHARES or family in OPEN_FAMILIES


def stop_margin(metric: str, margin: str, written: str | None) -> str:
    """The harm that must be proven: as written, by default 0 for errors and safety, otherwise the margin."""
    if written is not None:
        return written
    return "0" if metric in ERRORS_AND_SAFETY or metric.startswith("safety.") else margin

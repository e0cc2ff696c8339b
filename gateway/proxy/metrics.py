"""A worker's counts as Prometheus text; each worker answers for itself, named by the label ``worker``."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.proxy.gateway import Gateway

Sample = tuple[str, str, int]


def exposition(gateway: Gateway) -> str:
    """The text of ``/metrics``; labels have names from a fixed set only."""
    lines: list[str] = []
    for name, kind, samples in _families(gateway):
        lines.append(f"# TYPE fairtrial_{name} {kind}")
        lines += [f'fairtrial_{name}{{worker="{gateway.worker}"{labels}}} {value}' for labels, value in samples]
    return "\n".join(lines) + "\n"


def _families(gateway: Gateway) -> Iterable[tuple[str, str, list[tuple[str, int]]]]:
    counters, admission = gateway.counters, gateway.admission
    yield (
        "requests_total",
        "counter",
        [(f',outcome="{name}"', value) for name, value in sorted(counters.outcomes.items())],
    )
    yield "served_total", "counter", [(f',reason="{name}"', value) for name, value in sorted(counters.reasons.items())]
    yield "refused_total", "counter", [("", counters.refused)]
    yield "feedback_total", "counter", [("", counters.feedback)]
    yield "passed_on_total", "counter", [("", counters.passed)]
    yield "responses_unplaced_total", "counter", [("", gateway.places.lost)]
    yield "in_flight", "gauge", [("", admission.in_flight)]
    yield (
        "turned_away_total",
        "counter",
        [(f',code="{name}"', value) for name, value in sorted(admission.refused.items())],
    )
    yield "loop_late", "gauge", [("", int(admission.late))]
    yield "journal_lost_events_total", "counter", [("", gateway.journal.lost)]
    yield "journal_sync_failures_total", "counter", [("", gateway.journal.sync_failures)]
    yield "redaction_failures_total", "counter", [("", counters.redaction_failures)]
    yield "plan_refused_total", "counter", [("", gateway.watch.refused)]
    yield "plan_in_force", "gauge", [("", int(gateway.watch.routing is not None))]

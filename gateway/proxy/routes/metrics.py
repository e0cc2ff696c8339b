"""The counts as Prometheus text, named by the label ``worker``: of the worker that is asked, and of all the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from gateway.proxy.admission.shared_counters import Family
from gateway.proxy.recording.capture import LEFT_OUT
from gateway.proxy.worker_state import Gateway, VariantCounts

VARIANT_FIGURES = tuple(figure.name for figure in fields(VariantCounts))
NO_COUNTS = VariantCounts()

LOSING = "recording_losing"


def is_losing(gateway: Gateway) -> bool:
    """Whether any worker loses events now; of the others it is known as it was a second ago."""
    others = (samples for _, families in gateway.board.others() for name, _, samples in families if name == LOSING)
    return gateway.recording.losing or any(value for samples in others for _, value in samples)


def exposition(gateway: Gateway) -> str:
    """The text of ``/metrics``; labels have names from a fixed set only. Other workers' counts are a second old."""
    kinds: dict[str, str] = {}
    lines: dict[str, list[str]] = {}
    for worker, families in ((gateway.worker, families_of(gateway)), *gateway.board.others()):
        for name, kind, samples in families:
            kinds.setdefault(name, kind)
            lines.setdefault(name, []).extend(
                f'fairtrial_{name}{{worker="{worker}"{labels}}} {value}' for labels, value in samples
            )
    return "".join("\n".join([f"# TYPE fairtrial_{name} {kind}", *lines[name]]) + "\n" for name, kind in kinds.items())


def families_of(gateway: Gateway) -> list[Family]:
    """This worker's counts."""
    return list(_families(gateway))


def _families(gateway: Gateway) -> Iterable[Family]:
    counters, admission = gateway.counters, gateway.admission
    yield (
        "requests_total",
        "counter",
        [(f',outcome="{name}"', value) for name, value in sorted(counters.outcomes.items())],
    )
    yield "served_total", "counter", [(f',reason="{name}"', value) for name, value in sorted(counters.reasons.items())]
    yield from _by_variant(gateway)
    yield "refused_total", "counter", [("", counters.refused)]
    yield "feedback_total", "counter", [("", counters.feedback)]
    yield "passed_on_total", "counter", [("", counters.passed)]
    yield "responses_unplaced_total", "counter", [("", gateway.places.lost)]
    yield "in_flight", "gauge", [("", admission.in_flight)]
    yield (
        "turned_away_total",
        "counter",
        [(f',reason="{name}"', value) for name, value in sorted(admission.refused.items())],
    )
    yield "loop_late", "gauge", [("", int(admission.late))]
    yield LOSING, "gauge", [("", int(gateway.recording.losing))]
    yield "journal_lost_events_total", "counter", [("", gateway.journal.lost)]
    yield "journal_sync_failures_total", "counter", [("", gateway.journal.sync_failures)]
    yield "redaction_failures_total", "counter", [("", counters.redaction_failures)]
    yield (
        "bodies_left_out_total",
        "counter",
        [(f',reason="{name}"', counters.left_out[name]) for name in LEFT_OUT],
    )
    yield "answers_unread_total", "counter", [("", counters.unread)]
    yield "plan_refused_total", "counter", [("", gateway.watch.refused)]
    yield "configuration_refused", "gauge", [("", int(gateway.watch.is_refused()))]
    yield "plan_in_force", "gauge", [("", int(gateway.watch.routing is not None))]


def _by_variant(gateway: Gateway) -> Iterable[Family]:
    """Figures of each variant of the plan in force, which bounds the labels."""
    routing, counts = gateway.watch.routing, gateway.counters.variants
    experiments = routing.plan.experiments.values() if routing else ()
    arms = [(experiment.name, variant.name) for experiment in experiments for variant in experiment.variants]
    for figure in VARIANT_FIGURES:
        samples = [(_labels(*arm), getattr(counts.get(arm, NO_COUNTS), figure)) for arm in arms]
        yield f"variant_{figure}_total", "counter", samples


def _labels(experiment: str, variant: str) -> str:
    return f',experiment="{_quoted(experiment)}",variant="{_quoted(variant)}"'


def _quoted(name: str) -> str:
    """A label's value as Prometheus reads it."""
    return name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

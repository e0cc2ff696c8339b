"""Writes the counters as Prometheus text, with the label ``worker``: this worker's, and those of all others."""

from collections.abc import Iterable
from dataclasses import fields

from fairtrial.domain.settings import BreakerState
from gateway.proxy.recording.capture import LEFT_OUT
from gateway.proxy.worker_state import Family, VariantCounts, WorkerState

VARIANT_FIGURES = tuple(figure.name for figure in fields(VariantCounts))
NO_COUNTS = VariantCounts()
STATES: tuple[BreakerState, ...] = ("closed", "open", "half_open")

LOSING = "recording_losing"


def is_losing(worker: WorkerState) -> bool:
    """Whether any worker loses events now. The other workers' state is a second old."""
    others = (
        samples for _, families in worker.shared_counters.others() for name, _, samples in families if name == LOSING
    )
    losing = worker.recording.losing or any(value for samples in others for _, value in samples)
    return losing or worker.shared_counters.another_fails()


def exposition(worker: WorkerState) -> str:
    """The text of ``/metrics``. Labels have names from a fixed set. Other workers' counters are a second old."""
    kinds: dict[str, str] = {}
    lines: dict[str, list[str]] = {}
    for name_of_worker, families in ((worker.name, families_of(worker)), *worker.shared_counters.others()):
        for name, kind, samples in families:
            kinds.setdefault(name, kind)
            lines.setdefault(name, []).extend(
                f'fairtrial_{name}{{worker="{name_of_worker}"{labels}}} {value}' for labels, value in samples
            )
    return "".join("\n".join([f"# TYPE fairtrial_{name} {kind}", *lines[name]]) + "\n" for name, kind in kinds.items())


def families_of(worker: WorkerState) -> list[Family]:
    """This worker's counters."""
    return list(_families(worker))


def _families(worker: WorkerState) -> Iterable[Family]:
    counters, admission = worker.counters, worker.admission
    yield (
        "requests_total",
        "counter",
        [(f',outcome="{name}"', value) for name, value in sorted(counters.outcomes.items())],
    )
    yield "served_total", "counter", [(f',reason="{name}"', value) for name, value in sorted(counters.reasons.items())]
    yield from _by_variant(worker)
    yield from _by_deployment(worker)
    yield "refused_total", "counter", [("", counters.refused)]
    yield "feedback_total", "counter", [("", counters.feedback)]
    yield "passed_on_total", "counter", [("", counters.passed)]
    yield "responses_unplaced_total", "counter", [("", worker.response_map.lost)]
    yield "in_flight", "gauge", [("", admission.in_flight)]
    yield (
        "turned_away_total",
        "counter",
        [(f',reason="{name}"', value) for name, value in sorted(admission.refused.items())],
    )
    yield "loop_late", "gauge", [("", int(admission.late))]
    yield LOSING, "gauge", [("", int(worker.recording.losing))]
    yield "journal_lost_events_total", "counter", [("", worker.journal.lost)]
    yield "journal_sync_failures_total", "counter", [("", worker.journal.sync_failures)]
    yield "redaction_failures_total", "counter", [("", counters.redaction_failures)]
    yield (
        "bodies_left_out_total",
        "counter",
        [(f',reason="{name}"', counters.left_out[name]) for name in LEFT_OUT],
    )
    yield "answers_unread_total", "counter", [("", counters.unread)]
    yield "plan_refused_total", "counter", [("", worker.watch.refused)]
    yield "configuration_refused", "gauge", [("", int(worker.watch.is_refused()))]
    yield "plan_in_force", "gauge", [("", int(worker.watch.routing is not None))]


def _by_variant(worker: WorkerState) -> Iterable[Family]:
    """The counters of each variant of the plan in force, which bounds the labels."""
    routing, counts = worker.watch.routing, worker.counters.variants
    experiments = routing.plan.experiments.values() if routing else ()
    arms = [(experiment.name, variant.name) for experiment in experiments for variant in experiment.variants]
    for figure in VARIANT_FIGURES:
        samples = [(_labels(*arm), getattr(counts.get(arm, NO_COUNTS), figure)) for arm in arms]
        yield f"variant_{figure}_total", "counter", samples


def _by_deployment(worker: WorkerState) -> Iterable[Family]:
    """The circuit breakers of each deployment of the plan in force; exactly one of their states, the worst, is 1."""
    routing = worker.watch.routing
    breakers = [
        (f',deployment="{_quoted(name)}"', endpoint.health.breakers)
        for name, endpoint in (routing.endpoints.items() if routing else ())
    ]
    states = [(f'{label},state="{state}"', int(those.state == state)) for label, those in breakers for state in STATES]
    yield "breaker_state", "gauge", states
    yield "breaker_opened_total", "counter", [(label, those.counts.opened) for label, those in breakers]
    yield "breaker_kept_away_total", "counter", [(label, those.counts.kept_away) for label, those in breakers]


def _labels(experiment: str, variant: str) -> str:
    return f',experiment="{_quoted(experiment)}",variant="{_quoted(variant)}"'


def _quoted(name: str) -> str:
    """A label's value, escaped for Prometheus."""
    return name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

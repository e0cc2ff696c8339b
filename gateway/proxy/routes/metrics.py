"""Writes the counters as Prometheus text, with the label ``worker``: this worker's, and those of all others."""

from collections.abc import Iterable
from dataclasses import fields

from fairtrial.domain.settings import BreakerState
from gateway.prometheus_text import Family, Samples, exposition, label
from gateway.proxy.recording.capture import LEFT_OUT
from gateway.proxy.worker_state import VariantCounts, WorkerState

VARIANT_FIGURES = tuple(figure.name for figure in fields(VariantCounts))
NO_COUNTS = VariantCounts()
STATES: tuple[BreakerState, ...] = ("closed", "open", "half_open")

LOSING = "recording_losing"
MEANINGS = {
    "requests_total": "Requests by outcome.",
    "served_total": "Requests by the reason why the arm served them.",
    "request_seconds": "Time from the request to the end of its answer, by route, served variant and class of status.",
    "first_token_seconds": "Time from the request to the first byte of the upstream's stream; streams only.",
    "input_tokens_total": "Tokens of prompts that the upstreams reported.",
    "output_tokens_total": "Tokens of answers that the upstreams reported.",
    "cost_usd_total": "Cost in US dollars of requests with a price for each token; those by gpu_hour have none.",
    "variant_requests_total": "Requests of enrolled units by their assigned variant.",
    "variant_errors_total": "Requests that the assigned variant failed, rescued by a fallback or not.",
    "variant_user_errors_total": "Requests of the variant whose caller got an error.",
    "variant_rejected_total": "Requests whose content the variant refused.",
    "variant_kept_away_total": "Requests that a breaker or a rest kept from the variant.",
    "variant_fallbacks_total": "Requests of the variant that a fallback served.",
    "breaker_state": "1 for the worst state of the circuit breakers of a deployment.",
    "breaker_opened_total": "Times that a circuit breaker of the deployment opened.",
    "breaker_kept_away_total": "Requests that an open breaker kept from the deployment.",
    "refused_total": "Requests and streams that ended with an error.",
    "feedback_total": "Feedback that was received.",
    "passed_on_total": "Requests that were passed on without a record.",
    "responses_unplaced_total": "Responses whose deployment was not noted, so that a continuation may go elsewhere.",
    "in_flight": "Requests that are being served.",
    "turned_away_total": "Requests that were turned away, by reason.",
    "loop_late": "1 while the event loop runs late.",
    LOSING: "1 while events are being lost.",
    "journal_lost_events_total": "Events that could not be written.",
    "journal_sync_failures_total": "Times that the journal could not be synced to the disk.",
    "redaction_failures_total": "Bodies that were not recorded because they could not be redacted.",
    "bodies_left_out_total": "Bodies that were not recorded whole, by reason.",
    "answers_unread_total": "Answers whose details could not be read.",
    "plan_refused_total": "Changed plans that were refused.",
    "configuration_refused": "1 while a newer plan is refused.",
    "plan_in_force": "1 while a plan is in force.",
}
"""What each metric means, for its HELP line."""


def is_losing(worker: WorkerState) -> bool:
    """Whether any worker loses events now. The other workers' state is a second old."""
    others = (
        samples for _, families in worker.shared_counters.others() for name, _, samples in families if name == LOSING
    )
    losing = worker.recording.losing or any(value for samples in others for _, value in samples)
    return losing or worker.shared_counters.another_fails()


def metrics_text(worker: WorkerState) -> str:
    """The text of ``/metrics``. Labels have names from a fixed set. Other workers' counters are a second old."""
    workers = ((worker.name, families_of(worker)), *worker.shared_counters.others())
    return exposition(((label(worker=name), families) for name, families in workers), MEANINGS)


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
    yield from _by_route(worker)
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


def _by_route(worker: WorkerState) -> Iterable[Family]:
    """What the routes of the plan in force have served, which bounds the labels; "" is no such route."""
    routing = worker.watch.routing
    routes = routing.plan.routes if routing else {}
    cells = [
        (label(route=route, variant=variant, status=f"{status}xx"), served)
        for (route, variant, status), served in sorted(worker.counters.served.items())
        if not route or route in routes
    ]
    yield "request_seconds", "histogram", [(labels, served.latency) for labels, served in cells]
    yield (
        "first_token_seconds",
        "histogram",
        [(labels, served.first_token) for labels, served in cells if any(served.first_token)],
    )
    yield "input_tokens_total", "counter", [(labels, served.input_tokens) for labels, served in cells]
    yield "output_tokens_total", "counter", [(labels, served.output_tokens) for labels, served in cells]
    yield "cost_usd_total", "counter", [(labels, served.cost_usd) for labels, served in cells]


def _by_variant(worker: WorkerState) -> Iterable[Family]:
    """The counters of each variant of the plan in force, which bounds the labels."""
    routing, counts = worker.watch.routing, worker.counters.variants
    experiments = routing.plan.experiments.values() if routing else ()
    arms = [(experiment.name, variant.name) for experiment in experiments for variant in experiment.variants]
    for figure in VARIANT_FIGURES:
        samples = [
            (label(experiment=arm[0], variant=arm[1]), getattr(counts.get(arm, NO_COUNTS), figure)) for arm in arms
        ]
        yield f"variant_{figure}_total", "counter", samples


def _by_deployment(worker: WorkerState) -> Iterable[Family]:
    """The circuit breakers of each deployment of the plan in force; exactly one of their states, the worst, is 1."""
    routing = worker.watch.routing
    breakers = [
        (label(deployment=name), endpoint.health.breakers)
        for name, endpoint in (routing.endpoints.items() if routing else ())
    ]
    states: Samples = [
        (f'{labels},state="{state}"', int(those.state == state)) for labels, those in breakers for state in STATES
    ]
    yield "breaker_state", "gauge", states
    yield "breaker_opened_total", "counter", [(labels, those.counts.opened) for labels, those in breakers]
    yield "breaker_kept_away_total", "counter", [(labels, those.counts.kept_away) for labels, those in breakers]

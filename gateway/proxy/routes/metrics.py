"""Declares the metrics of a gateway and reads them from all of its workers; the label ``worker`` names each."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from fairtrial.domain.settings import BreakerState
from gateway.metrics import Declared, Samples, Values, exposition
from gateway.proxy.recording.capture import LEFT_OUT
from gateway.proxy.worker_state import VariantCounts, WorkerState

VARIANT_FIGURES = tuple(figure.name for figure in fields(VariantCounts))
NO_COUNTS = VariantCounts()
STATES: tuple[BreakerState, ...] = ("closed", "open", "half_open")

LOSING = "recording_losing"
SERVED, ARM, REASON = ("route", "variant", "status"), ("experiment", "variant"), ("reason",)
DECLARED = {
    "requests_total": Declared("counter", "Requests by outcome.", ("outcome",)),
    "served_total": Declared("counter", "Requests by the reason why the arm served them.", REASON),
    "request_seconds": Declared("histogram", "Time from a request to the end of its answer.", SERVED),
    "first_token_seconds": Declared("histogram", "Time from a request to the first byte of its stream.", SERVED),
    "input_tokens_total": Declared("counter", "Tokens of prompts, as reported by upstreams.", SERVED),
    "output_tokens_total": Declared("counter", "Tokens of answers, as reported by upstreams.", SERVED),
    "cost_usd_total": Declared("counter", "Cost of tokens in US dollars. A price by gpu_hour is not counted.", SERVED),
    "variant_requests_total": Declared("counter", "Requests of enrolled units by their assigned variant.", ARM),
    "variant_errors_total": Declared("counter", "Requests that the variant failed, also if a fallback answered.", ARM),
    "variant_user_errors_total": Declared("counter", "Requests of the variant whose caller got an error.", ARM),
    "variant_rejected_total": Declared("counter", "Requests that only the variant's server rejected.", ARM),
    "variant_kept_away_total": Declared("counter", "Requests that a breaker or a rest kept from the variant.", ARM),
    "variant_fallbacks_total": Declared("counter", "Requests of the variant that a fallback served.", ARM),
    "breaker_state": Declared("gauge", "1 for the worst state of the deployment's breakers.", ("deployment", "state")),
    "breaker_opened_total": Declared("counter", "Times that a breaker of the deployment opened.", ("deployment",)),
    "breaker_kept_away_total": Declared("counter", "Requests that a breaker kept from it.", ("deployment",)),
    "refused_total": Declared("counter", "Requests and streams that ended with an error."),
    "feedback_total": Declared("counter", "Received feedback."),
    "passed_on_total": Declared("counter", "Requests that were passed on without a record."),
    "responses_unplaced_total": Declared("counter", "Responses whose continuation may reach another deployment."),
    "in_flight": Declared("gauge", "Requests in progress."),
    "turned_away_total": Declared("counter", "Requests that were turned away.", REASON),
    "loop_late": Declared("gauge", "1 while the event loop runs late."),
    LOSING: Declared("gauge", "1 while events are being lost."),
    "journal_lost_events_total": Declared("counter", "Events that could not be written."),
    "journal_sync_failures_total": Declared("counter", "Times that the journal could not be synced to the disk."),
    "redaction_failures_total": Declared("counter", "Bodies without a record, because they could not be redacted."),
    "bodies_left_out_total": Declared("counter", "Bodies that were not recorded whole.", REASON),
    "answers_unread_total": Declared("counter", "Answers whose details could not be read."),
    "plan_refused_total": Declared("counter", "Changed plans that were refused."),
    "configuration_refused": Declared("gauge", "1 while a newer plan is refused."),
    "plan_in_force": Declared("gauge", "1 while a plan is in force."),
}


def is_losing(worker: WorkerState) -> bool:
    """Whether any worker loses events now. The other workers' state is a second old."""
    others = any(value for _, values in worker.shared_counters.others() for _, value in values.get(LOSING, ()))
    return worker.recording.losing or others or worker.shared_counters.another_fails()


def metrics_text(worker: WorkerState) -> bytes:
    """The text of ``/metrics``. Labels have names from a fixed set. Other workers' counters are a second old."""
    workers = (((name,), values) for name, values in worker.shared_counters.others())
    return exposition(DECLARED, (((worker.name,), values_of(worker)), *workers), ("worker",))


def values_of(worker: WorkerState) -> Values:
    """This worker's counters."""
    counters, admission, journal, watch = worker.counters, worker.admission, worker.journal, worker.watch
    single = {
        "refused_total": counters.refused,
        "feedback_total": counters.feedback,
        "passed_on_total": counters.passed,
        "responses_unplaced_total": worker.response_map.lost,
        "in_flight": admission.in_flight,
        "loop_late": admission.late,
        LOSING: worker.recording.losing,
        "journal_lost_events_total": journal.lost,
        "journal_sync_failures_total": journal.sync_failures,
        "redaction_failures_total": counters.redaction_failures,
        "answers_unread_total": counters.unread,
        "plan_refused_total": watch.refused,
        "configuration_refused": watch.is_refused(),
        "plan_in_force": watch.routing is not None,
    }
    by_name: dict[str, Mapping[Any, int]] = {
        "requests_total": counters.outcomes,
        "served_total": counters.reasons,
        "turned_away_total": admission.refused,
        "bodies_left_out_total": {name: counters.left_out[name] for name in LEFT_OUT},
    }
    return {
        **{metric: [((name,), value) for name, value in sorted(counts.items())] for metric, counts in by_name.items()},
        **dict(_by_route(worker)),
        **dict(_by_variant(worker)),
        **dict(_by_deployment(worker)),
        **{metric: [((), int(value))] for metric, value in single.items()},
    }


def _by_route(worker: WorkerState) -> Iterator[tuple[str, Samples]]:
    """What the routes of the plan in force have served, which bounds the labels; "" is no such route."""
    routes = worker.watch.routing.plan.routes if worker.watch.routing else {}
    cells = [
        ((route, variant, f"{status}xx"), served)
        for (route, variant, status), served in sorted(worker.counters.served.items())
        if not route or route in routes
    ]
    yield "request_seconds", [(labels, [*served.latency]) for labels, served in cells]
    streams = [(labels, [*served.first_token]) for labels, served in cells if any(served.first_token)]
    yield "first_token_seconds", streams
    yield "input_tokens_total", [(labels, served.input_tokens) for labels, served in cells]
    yield "output_tokens_total", [(labels, served.output_tokens) for labels, served in cells]
    yield "cost_usd_total", [(labels, served.cost_usd) for labels, served in cells]


def _by_variant(worker: WorkerState) -> Iterator[tuple[str, Samples]]:
    """The counters of each variant of the plan in force, which bounds the labels."""
    routing, counts = worker.watch.routing, worker.counters.variants
    experiments = routing.plan.experiments.values() if routing else ()
    arms = [(experiment.name, variant.name) for experiment in experiments for variant in experiment.variants]
    for figure in VARIANT_FIGURES:
        yield f"variant_{figure}_total", [(arm, getattr(counts.get(arm, NO_COUNTS), figure)) for arm in arms]


def _by_deployment(worker: WorkerState) -> Iterator[tuple[str, Samples]]:
    """The circuit breakers of each deployment of the plan in force; exactly one of their states, the worst, is 1."""
    routing = worker.watch.routing
    breakers = [(name, endpoint.health.breakers) for name, endpoint in (routing.endpoints.items() if routing else ())]
    yield "breaker_state", [((name, state), int(own.state == state)) for name, own in breakers for state in STATES]
    yield "breaker_opened_total", [((name,), own.counts.opened) for name, own in breakers]
    yield "breaker_kept_away_total", [((name,), own.counts.kept_away) for name, own in breakers]

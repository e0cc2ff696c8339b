"""Describes one recorded request as a document: who answered, why, what it cost by kind of token, and each call."""

from collections.abc import Iterator, Mapping

from fairtrial.api.traffic_answers import RecordedRequest, RequestAttempt, RequestExposure
from fairtrial.document.values import Block, Document, Facts, Heading, Note, Row, Sentence, State, Table
from fairtrial.domain.money.cost import MILLION, priced_parts, rates_of
from fairtrial.domain.money.prices import Price
from fairtrial.domain.money.tokens import Tokens

REASONS = {
    "assigned": "its unit is assigned to the variant",
    "forced": "the caller chose it by a header",
    "fallback": "the variant failed, and a fallback answered",
    "kill": "the experiment is stopped, so that the control serves",
    "not_enrolled": "its unit is not enrolled, so that the control serves",
    "no_unit": "the request names no unit, so that the control serves",
    "excluded": "it was refused before it had a target",
    "direct": "the route has no experiment",
    "continued": "it continues a response of this variant",
    "promoted": "the variant serves everyone",
}
STATES: dict[str, State] = {"answered": "good", "failed": "bad", "rejected": "open", "cancelled": "quiet"}


def describe_request(request: RecordedRequest, prices: Mapping[str, Price]) -> Document:
    """The request without its texts. ``prices``: of each deployment, at the time of the request."""
    return Document(f"Request {request.request_id}", tuple(_blocks(request, prices)))


def _blocks(request: RecordedRequest, prices: Mapping[str, Price]) -> Iterator[Block]:
    cost = "unknown" if request.cost_usd is None else f"${request.cost_usd.normalize():f}"
    yield Facts.of(
        (
            ("time", f"{request.at_time:%Y-%m-%d %H:%M:%S} UTC"),
            ("route", request.route),
            ("deployment", request.deployment),
            ("model", request.model_served),
            ("status", f"{request.status}, {request.outcome}"),
            ("error", " ".join(filter(None, (request.error_type, request.error_code)))),
            ("finish reason", request.finish_reason),
            ("latency", None if request.latency_ms is None else f"{request.latency_ms:,.0f} ms"),
            ("first token", None if request.ttft_ms is None else f"{request.ttft_ms:,.0f} ms"),
            ("cost", f"{cost} ({request.cost_basis})" if request.cost_basis else cost),
            ("key", request.key_id),
            ("tags", ", ".join(f"{name}={value}" for name, value in (request.tags or {}).items())),
            ("provider's id", request.provider_request_id),
            ("response", request.response_id),
            ("trace", request.trace_id),
        )
    )
    yield Heading("Why this answered")
    yield Sentence(f"{REASONS[request.reason].capitalize()}.")
    yield from (_exposed(exposure) for exposure in request.exposures)
    yield Heading("Calls")
    if not request.attempts:
        yield Note("No server was called.")
    columns = ("call", "deployment", "status", "latency", "tokens", "cost", "rests on", "provider's id", "error")
    yield Table(columns, tuple(map(_call, request.attempts)), ("error",))
    parts = tuple(row for call in request.attempts if call.deployment in prices for row in _parts(call, prices))
    if parts:
        yield Heading("Cost by kind, at the prices of that time")
        yield Table(("call", "kind", "tokens", "$ per million", "cost"), parts)


def _exposed(exposure: RequestExposure) -> Sentence:
    bucket = "" if exposure.arm_bucket is None else f" by its hash {exposure.arm_bucket:.6f}"
    stage = "" if exposure.stage is None else f" at {exposure.stage:g} %"
    enrolled = "enrolled" if exposure.enrolled else "not enrolled"
    variant = exposure.assigned or "no variant"
    return Sentence(f"In {exposure.experiment}{stage} its unit is {enrolled}, and assigned to {variant}{bucket}.")


def _call(call: RequestAttempt) -> Row:
    tokens = "" if call.tokens_in is None else f"{call.tokens_in:,} in, {call.tokens_out or 0:,} out"
    return Row(
        (
            f"{call.ordinal} {call.purpose}",
            call.deployment,
            "" if call.status is None else str(call.status),
            "" if call.latency_ms is None else f"{call.latency_ms:,.0f} ms",
            f"{tokens} ({call.usage_source})" if tokens else "",
            "unknown" if call.cost_usd is None else f"${call.cost_usd.normalize():f}",
            call.cost_basis or "",
            call.provider_request_id or "",
            " ".join(filter(None, (call.error_type, call.error_code, call.error_message))),
        ),
        STATES.get(call.outcome or "", ""),
    )


def _parts(call: RequestAttempt, prices: Mapping[str, Price]) -> Iterator[Row]:
    """What each kind of token of a call cost; nothing for a cost that the provider reported or a machine's hour has."""
    if call.cost_basis not in ("priced", "full_price", "estimated"):
        return
    found = rates_of(prices[call.deployment], call.service_tier, call.tokens_in or 0)
    tokens = Tokens(
        input=call.tokens_in,
        output=call.tokens_out,
        cached=call.tokens_cached,
        cache_write=call.tokens_cache_write,
        cache_write_1h=call.tokens_cache_write_1h,
        reasoning=call.tokens_reasoning,
        audio_in=call.tokens_audio_in,
        audio_out=call.tokens_audio_out,
    )
    for kind, count, rate, at_full_price in priced_parts(found[0], tokens) if found is not None else ():
        if rate is not None:
            name = f"{kind} (full price)" if at_full_price else kind
            yield Row((str(call.ordinal), name, f"{count:,}", f"{rate:f}", f"${rate * count / MILLION:f}"))

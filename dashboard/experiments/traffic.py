"""Formats the live traffic of an experiment: figures by variant, feedback with plain intervals, and alarms."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from typing import Any, TypeVar

import streamlit as st

from dashboard.components.formatting import DASH, count, dollars, milliseconds, plain, share
from fairtrial.api.experiment_traffic import LiveRate, LiveSignals, VariantErrors
from fairtrial.api.traffic_answers import AttributedFeedback
from fairtrial.domain.store_reports import KeyFeedback, VariantTraffic
from fairtrial.domain.wording import counted

V = TypeVar("V", VariantTraffic, LiveSignals)
Z_95 = 1.959964
ARM_ERRORS, USER_ERRORS = "variant errors", "errors seen by users"
REJECTED = "rejected by the upstream"
OUTCOMES: Mapping[str, Callable[[VariantTraffic], int]] = {
    ARM_ERRORS: lambda row: row.errors,
    USER_ERRORS: lambda row: row.user_errors,
    REJECTED: lambda row: row.rejected,
    "kept away by a breaker or a rest": lambda row: row.kept_away,
    "answered by a fallback": lambda row: row.fallbacks,
}
"""Labels of request figures."""
CALLS: Mapping[str, Callable[[VariantErrors], tuple[int, int]]] = {
    f"{ARM_ERRORS} per client call": lambda row: (row.failed_calls, row.calls),
    f"{USER_ERRORS} per client call": lambda row: (row.user_failed_calls, row.user_calls),
}
"""Labels of figures of the client's calls, each with its part and its whole."""
OF_RECEIVED = (ARM_ERRORS, REJECTED)
"""Figures that are shares of the requests that no breaker kept away."""
UNMATCHED = {
    "unknown_request": "the request does not exist, or no earlier request of the same API key has the response id. "
    "Send `request_id`, which is the `x-request-id` of the response.",
    "unknown_unit": "the unit has no earlier request. Send the same name as the requests.",
    "other_route": "the API key is restricted to other routes.",
    "undeclared_key": "no metric uses the key. Declare it in fairtrial.yaml under `metrics:`.",
}
"""Why a feedback counts in no figure, and what to do about it."""
KEYS_SHOWN = 5


def variant_name(variant: str, control: str) -> str:
    """The name, and whether it is the control."""
    return variant + (" (control)" if variant == control else "")


def in_order(variants: Iterable[V], control: str) -> list[V]:
    """The variants with the control first."""
    return sorted(variants, key=lambda row: (row.variant != control, row.variant))


def measures(row: VariantTraffic, errors: VariantErrors | None) -> dict[str, str]:
    """All figures of a variant by label, in the order of the page. ``errors``: per try and per call of the client."""
    cost, requests = row.cost_usd, row.requests
    received = row.received
    return {
        "units": count(row.units),
        "requests": count(requests),
        **{name: _part(part(row), received if name in OF_RECEIVED else requests) for name, part in OUTCOMES.items()},
        **{name: _part(*part(errors)) for name, part in CALLS.items() if errors is not None},
        "latency p50": milliseconds(row.latency_p50),
        "latency p95": milliseconds(row.latency_p95),
        "latency p99": milliseconds(row.latency_p99),
        "time to first token p50": milliseconds(row.ttft_p50),
        "time to first token p95": milliseconds(row.ttft_p95),
        "time to first token p99": milliseconds(row.ttft_p99),
        "tokens in": count(row.tokens_in),
        "tokens out": count(row.tokens_out),
        "cost": dollars(cost)
        if cost is not None
        else f"unknown ({counted(row.cost_unknown, 'answer')} without a price)",
        "cost per request": dollars(cost / requests) if cost is not None and requests else DASH,
        "served by another variant": count(row.served_elsewhere),
        **{f"feedback: {key}": _feedback(feedback) for key, feedback in sorted(row.feedback.items())},
    }


def signal_row(row: LiveSignals, control: str) -> dict[str, str]:
    """A variant's row of what its answers show without being asked, each with the number of measured answers."""
    tokens = row.tokens
    length = DASH if tokens.value is None else f"{tokens.value:,.0f} over {counted(tokens.n, 'answer')}"
    return {
        "variant": variant_name(row.variant, control),
        "recorded answers": count(row.answered),
        "refusals": _rate(row.refusals),
        "valid format": _rate(row.format_valid),
        "mean tokens out": length,
        "language switches": _rate(row.language_switch),
    }


def feedback_rates(key: str, variants: Sequence[VariantTraffic]) -> list[Mapping[str, Any]]:
    """The share of positive ratings with Wilson's interval, for variants with ratings between 0 and 1."""
    known = ((row.variant, row.feedback[key]) for row in variants if key in row.feedback)
    return [
        _wilson(variant, feedback.rate, feedback.rated)
        for variant, feedback in known
        if feedback.rated and feedback.rate is not None and 0 <= feedback.rate <= 1
    ]


def warn_no_unit(reasons: Mapping[str, int]) -> None:
    """Warn about requests without a unit, and say what the application should send."""
    missing = reasons.get("no_unit")
    if not missing:
        return
    shown, verb = share(missing, sum(reasons.values())), "is" if missing == 1 else "are"
    st.warning(
        f"{counted(missing, 'request')} ({shown}) had no unit, got the control, and {verb} not counted in any figure. "
        "The application should send `user` or the header `x-fairtrial-unit`.",
        icon=":material/person_off:",
    )


def warn_feedback(attributions: Sequence[AttributedFeedback]) -> None:
    """Warn about feedback that is stored but not counted."""
    warn_ambiguous_feedback({row.key: row.feedback for row in attributions if row.attribution == "ambiguous"})
    warn_unmatched_feedback(attributions)


def warn_ambiguous_feedback(ambiguous: Mapping[str, int]) -> None:
    """Warn about feedback whose response id belongs to several requests, and say what to send instead."""
    total = sum(ambiguous.values())
    if not total:
        return
    keys = ", ".join(f"{plain(key)} {number:,}" for key, number in sorted(ambiguous.items()) if number)
    st.warning(
        f"{counted(total, 'feedback value is', 'feedback values are')} ambiguous ({keys}), because several requests "
        "have the same response id. Such feedback is stored but not counted in any figure. The application should send "
        "`request_id`, which is the `x-request-id` of the response.",
        icon=":material/call_split:",
    )


def warn_unmatched_feedback(attributions: Sequence[AttributedFeedback]) -> None:
    """Warn about feedback that matches no request, unit, route or metric, with the remedy."""
    for reason, remedy in UNMATCHED.items():
        rows = [row for row in attributions if row.attribution == reason]
        total = sum(row.feedback for row in rows)
        if total:
            keys = ", ".join(plain(row.key) for row in rows[:KEYS_SHOWN])
            values = counted(total, "feedback value is", "feedback values are")
            st.warning(f"{values} not counted in any figure ({keys}): {remedy}", icon=":material/link_off:")


def _part(part: int, whole: int) -> str:
    return f"{count(part)} ({share(part, whole)})"


def _rate(rate: LiveRate) -> str:
    return "not measured" if rate.value is None else f"{share(rate.value)} of {count(rate.n)}"


def _feedback(feedback: KeyFeedback) -> str:
    if feedback.rate is None:
        return f"{counted(feedback.n, 'comment')}"
    level = share(feedback.rate) if 0 <= feedback.rate <= 1 else f"{feedback.rate:.2f}"
    return f"{level} of {counted(feedback.rated, 'rating')}"


def _wilson(variant: str, rate: float, n: int) -> dict[str, Any]:
    """Wilson's interval (1927), for display only."""
    centre, spread = rate + Z_95**2 / (2 * n), Z_95 * sqrt(rate * (1 - rate) / n + Z_95**2 / (4 * n * n))
    scale = 1 + Z_95**2 / n
    return {
        "variant": variant,
        "rate": rate,
        "n": n,
        "low": (centre - spread) / scale,
        "high": (centre + spread) / scale,
    }

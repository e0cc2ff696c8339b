"""Lists the metrics that live traffic decides: family, direction, range, columns, method and margin.

A metric that this catalogue does not list, and that is no declared feedback, does not exist. The store keeps
`UNIT_COLUMNS` for each unit, and every metric of requests is computed from them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Literal

Better = Literal["lower", "higher"]
Method = Literal["events", "shares", "amount", "quantile", "feedback", "given"]
"""How a metric is decided.

``events``: harm by units with the event, exactly; safety by events per request, clustered by unit. ``shares``: harm and
safety by each unit's share of bad requests; plans name ``events`` so. ``amount``: one
amount for each unit, capped, and the share of units above the cap. ``quantile``: a quantile over requests, clustered by
unit. ``feedback``: one value for each unit, with missing values filled in every way. ``given``: whether a unit gave
feedback.
"""

UNIT_COLUMNS: Mapping[str, str] = {
    "sent": "count(*)",
    "asked": "count(*) FILTER (arm_outcome IN ('answered', 'failed', 'kept_away'))",
    "failed": "count(*) FILTER (arm_outcome IN ('failed', 'kept_away'))",
    "user_asked": "count(*) FILTER (user_outcome IN ('answered', 'failed'))",
    "user_failed": "count(*) FILTER (user_outcome = 'failed')",
    "received": "count(*) FILTER (arm_outcome IN ('answered', 'failed', 'rejected', 'kept_away'))",
    "rejected": "count(*) FILTER (arm_outcome = 'rejected')",
    "cancelled": "count(*) FILTER (outcome = 'cancelled')",
    "fell_back": "count(*) FILTER (reason = 'fallback')",
    "answered": "count(*) FILTER (arm_outcome = 'answered')",
    "refused": "count(*) FILTER (arm_outcome = 'answered' AND (refused OR refused_by_text))",
    "schema_checked": "count(schema_valid)",
    "schema_invalid": "count(*) FILTER (NOT schema_valid)",
    "attempts": "sum(coalesce(calls, 0))::BIGINT",
    "attempts_failed": "sum(coalesce(calls_failed, 0))::BIGINT",
    "tokens_known": "count(*) FILTER (arm_outcome = 'answered' AND tokens_out IS NOT NULL)",
    "tokens": "coalesce(sum(tokens_in + tokens_out) FILTER (arm_outcome = 'answered'), 0)::BIGINT",
    "priced": "count(*) FILTER (outcome = 'ok' AND cost_usd IS NOT NULL)",
    "unpriced": "count(*) FILTER (outcome = 'ok' AND cost_usd IS NULL AND cost_basis IS DISTINCT FROM 'pending')",
    "cost": "coalesce(sum(cost_usd), 0)::DOUBLE",
    "followed": "count(question)",
    "questions": "count(*) FILTER (question)",
    "asked_again": "count(*) FILTER (question AND next_request = 'reworded')",
    "regenerated": "count(*) FILTER (next_request = 'repeated')",
    "left_after_error": "count(*) FILTER (user_outcome = 'failed' AND next_request = 'none')",
    "not_continued": "count(*) FILTER (question AND next_request IS NOT NULL)",
}
"""SQL aggregates over the analysed requests of one unit.

``calls`` and ``calls_failed`` are the upstream calls of a request to its arm, and those that failed. Requests that an
open breaker kept from their arm are summed apart. ``next_request`` is known half an hour after a request; from
``asked_again`` on, rows of `unit_sums` come then.
"""
FOLLOWED_COLUMNS = ("asked_again", "regenerated", "left_after_error", "not_continued")
"""The columns that need what the unit did after a request."""


ASKED_AGAIN_RATE = "requests.asked_again_rate"
KEPT_AWAY_RATE = "requests.kept_away_rate"
"""The metric that is shown for each arm, pauses, and never decides."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of live traffic.

    ``better``: the direction that is better. ``within``: the range of one unit's value. ``over`` and ``per``: the
    columns of `UNIT_COLUMNS` whose ratio it is; ``over`` of ``events`` counts the bad ones. ``per`` of an amount counts
    the requests whose amount is known, or is empty for the amount of the whole unit. ``column``: the column of
    `requests` of a quantile, and ``nu`` which one. ``margin``: the default margin as written. ``safety``: the default
    stop margin is 0. ``needs_answer``: a request that an open breaker kept from the treatment counts as a bad one for
    the proof of safety, because its answer is unknown. ``is_late``: known half an hour after a request.
    ``decides``: whether an experiment or a gate may use it.
    """

    name: str
    what: str
    method: Method
    better: Better = "lower"
    within: tuple[float, float] = (0.0, 1.0)
    over: str = ""
    per: str = ""
    column: str = ""
    nu: float = 0.0
    margin: str = "1pp"
    safety: bool = False
    needs_answer: bool = False
    is_late: bool = False
    decides: bool = True

    @property
    def family(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    @property
    def is_share(self) -> bool:
        """Whether its level is between 0 and 1, so that margins in percentage points make sense."""
        return self.method == "events"


def _events(name: str, what: str, over: str, per: str, *, safety: bool = True) -> Metric:
    return Metric(name, what, "events", over=over, per=per, safety=safety, needs_answer=safety)


def _followed(name: str, what: str, over: str, per: str, better: Better = "lower") -> Metric:
    return Metric(name, what, "events", better=better, over=over, per=per, is_late=True)


def _quantile(name: str, what: str, column: str, nu: float) -> Metric:
    return Metric(name, what, "quantile", within=(0.0, inf), column=column, nu=nu, margin="20%")


def _amount(name: str, what: str, over: str, per: str) -> Metric:
    return Metric(name, what, "amount", within=(0.0, inf), over=over, per=per, margin="20%")


CATALOGUE: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _events("requests.error_rate", "requests that the arm did not answer", "failed", "asked"),
        _events("requests.attempt_error_rate", "failed upstream calls", "attempts_failed", "attempts"),
        _events("requests.user_error_rate", "requests that nobody answered", "user_failed", "user_asked"),
        _events("requests.rejected_rate", "requests that only the upstream refused", "rejected", "received"),
        _events("requests.fallback_rate", "requests that a fallback answered", "fell_back", "asked"),
        _events("requests.cancel_rate", "requests that the caller cancelled", "cancelled", "sent", safety=False),
        _events("requests.refusal_rate", "answers that refuse", "refused", "answered", safety=False),
        Metric(
            KEPT_AWAY_RATE,
            "requests that an open breaker or a rest kept from the arm",
            "events",
            over="kept_away",
            per="sent",
            decides=False,
        ),
        Metric(
            "requests.schema_valid_rate",
            "answers that follow the schema",
            "events",
            better="higher",
            over="schema_invalid",
            per="schema_checked",
            safety=True,
        ),
        _followed(
            ASKED_AGAIN_RATE,
            "questions that the unit asks again in other words within 10 minutes",
            "asked_again",
            "questions",
        ),
        _followed(
            "requests.regenerate_rate",
            "requests whose prompt the unit sends again within 10 minutes",
            "regenerated",
            "followed",
        ),
        _followed(
            "requests.left_after_error_rate",
            "requests that nobody answered, after which the unit sends nothing for 30 minutes",
            "left_after_error",
            "followed",
        ),
        _followed(
            "requests.continued_rate",
            "questions after which the unit sends something else within 30 minutes",
            "not_continued",
            "questions",
            better="higher",
        ),
        _quantile("requests.latency_p50", "median latency in milliseconds", "latency_ms", 0.5),
        _quantile("requests.latency_p95", "95th percentile of latency in milliseconds", "latency_ms", 0.95),
        _quantile("requests.latency_p99", "99th percentile of latency in milliseconds", "latency_ms", 0.99),
        _quantile("requests.ttft_p50", "median time to first token in milliseconds", "ttft_ms", 0.5),
        _quantile("requests.ttft_p95", "95th percentile of the time to first token", "ttft_ms", 0.95),
        _amount("requests.tokens", "tokens of a request, averaged by unit", "tokens", "tokens_known"),
        _amount("cost.per_request", "US dollars of a request, averaged by unit", "cost", "priced"),
        _amount("cost.per_unit", "US dollars of a unit", "cost", ""),
    )
}
DEFAULT_GUARDRAILS = ("requests.error_rate", "requests.attempt_error_rate", "requests.rejected_rate")
"""The guardrails of an experiment that declares none."""

FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(pp|%)?")


def stop_margin(metric: str, margin: str, written: str | None) -> str:
    """The harm that must be proven: as written, by default 0 for errors and safety, otherwise the margin."""
    if written is not None:
        return written
    return "0" if metric in CATALOGUE and CATALOGUE[metric].safety else margin


@dataclass(frozen=True, slots=True)
class Margin:
    """``value``: 0.01 for ``1pp`` and 0.2 for ``20%``; ``relative``: to the control's level."""

    value: Decimal
    relative: bool


def parse_margin(text: str, *, zero: bool = False) -> Margin:
    """Parse ``1pp`` or ``20%``; raises `ValueError` with the reason.

    ``zero``: whether 0 is allowed, which needs no unit. A stop margin may be 0; a margin of 0 can't be shown.
    """
    match = FORM.fullmatch(text.strip())
    number = Decimal(match[1]) if match else Decimal()
    if match is None or (match[2] is None and number):
        raise ValueError(f"{text!r} is not a margin")
    if not number and not zero:
        raise ValueError(f"{text!r} must be more than 0, because a difference of exactly 0 can't be shown")
    return Margin(number / 100, relative=match[2] == "%")

"""Decides how a request was served, as seen from its arm and from its client, and what it cost.

`fairtrial/store/derived/outcomes.py` computes the same for requests of earlier versions; a test compares the two rules.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from fairtrial.domain.errors import UpstreamError
from fairtrial.domain.events import Reason, ServiceOutcome
from fairtrial.domain.plan import Price
from gateway.proxy.stages import Answered

REJECTED = frozenset({400, 413, 422})
"""Statuses with which only the upstream refuses the request's content: too long for its context, unknown parameter.

Any other error status is the upstream's own fault: 401 is the gateway's key, 404 a model that the server has not
loaded.
"""
ANALYSED: frozenset[Reason] = frozenset({"assigned", "fallback", "kill", "continued"})
"""Reasons of requests that count for the arm that their unit was assigned."""

MILLION = Decimal(1_000_000)


class Outcomes(NamedTuple):
    """How the arm served, and what the client got."""

    arm: ServiceOutcome
    user: ServiceOutcome


def outcomes_of(answered: Answered) -> Outcomes:
    """Both outcomes of a request that has ended. A fallback is called only after the arm has failed."""
    if not answered.attempts:
        failed = answered.outcome != "cancelled" and answered.status >= 500
        return Outcomes("none", "failed" if failed else "none")
    user, by_gateway = _user_outcome(answered)
    if answered.attempts[-1].purpose == "fallback":
        return Outcomes("failed", user)
    return Outcomes("none" if by_gateway else user, user)


def _user_outcome(answered: Answered) -> tuple[ServiceOutcome, bool]:
    """What the client got in the end, and whether it was the gateway itself that did not serve."""
    if answered.outcome == "ok":
        return "answered", False
    if answered.outcome == "cancelled":
        return "none", False
    if answered.attempts[-1].status in REJECTED:
        return "rejected", False
    error = answered.error
    if error is None or isinstance(error, UpstreamError):
        return "failed", False
    return ("failed", True) if error.status >= 500 else ("none", False)


def cost_usd(price: Price, tokens_in: int | None, tokens_out: int | None) -> str | None:
    """US dollars as an exact decimal string; ``None`` unless every counted token has a price.

    A price by ``gpu_hour`` gives ``None`` here, because the request's share of the machine is not known when it ends.
    """
    unpriced = price.input is None and price.output is None
    if unpriced or (tokens_in is None and tokens_out is None):
        return None
    total = Decimal(0)
    for tokens, rate in ((tokens_in, price.input), (tokens_out, price.output)):
        if tokens:
            if rate is None:
                return None
            total += rate * tokens
    return format((total / MILLION).normalize(), "f")

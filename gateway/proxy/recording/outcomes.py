"""How a request was served, seen from its arm and from its caller; counted by variant and recorded with the request.

`fairtrial/store/derived/outcomes.py` computes the same for requests of earlier versions; a test compares the two rules.
"""

from __future__ import annotations

from fairtrial.domain.errors import UpstreamError
from fairtrial.domain.events import Reason, ServiceOutcome
from gateway.proxy.exchange import Exchange
from gateway.proxy.worker_state import Outcomes

REJECTED = frozenset({400, 413, 422})
"""Statuses by which only the upstream refuses what the request says: too long for its context, an unknown parameter.

Others are its own fault whoever asks: 401 is the gateway's key, 404 a model that the server has not loaded.
"""
ANALYSED: frozenset[Reason] = frozenset({"assigned", "fallback", "kill", "continued"})
"""Reasons of requests that count for the arm that their unit was assigned."""


def outcomes_of(exchange: Exchange) -> Outcomes:
    """Both, of a request that has ended. A fallback is only asked when the arm has failed."""
    if not exchange.attempts:
        return Outcomes("none", "failed" if exchange.outcome != "cancelled" and exchange.status >= 500 else "none")
    user, ours = _end(exchange)
    if exchange.attempts[-1].purpose == "fallback":
        return Outcomes("failed", user)
    return Outcomes("none" if ours else user, user)


def _end(exchange: Exchange) -> tuple[ServiceOutcome, bool]:
    """What the caller got in the end, and whether it was the gateway itself that did not serve."""
    if exchange.outcome == "ok":
        return "answered", False
    if exchange.outcome == "cancelled":
        return "none", False
    if exchange.attempts[-1].status in REJECTED:
        return "rejected", False
    error = exchange.error
    if error is None or isinstance(error, UpstreamError):
        return "failed", False
    return ("failed", True) if error.status >= 500 else ("none", False)

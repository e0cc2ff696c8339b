"""Which headers go back to the client: the upstream's that clients read, and our own."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.proxy.exchange import Exchange
from gateway.proxy.recording import served_name
from gateway.proxy.wire import Header

PASSED = frozenset({"content-type", "x-should-retry", "cache-control"})
PASSED_PREFIXES = ("x-ratelimit-", "retry-after", "openai-")


def answer_headers(exchange: Exchange, upstream: Mapping[str, str], *, skip: str = "") -> list[Header]:
    """Headers of a relayed answer; the variant's name only for a key that may see it."""
    headers: list[Header] = [
        (name.encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in upstream.items()
        if (name in PASSED or name.startswith(PASSED_PREFIXES)) and name != skip
    ]
    headers.append((b"x-request-id", exchange.request_id.encode()))
    return headers + variant_headers(exchange)


def variant_headers(exchange: Exchange) -> list[Header]:
    """The experiment and the variant that serves, where the caller may see them."""
    target, caller = exchange.target, exchange.caller
    if target is None or target.experiment is None or caller is None or "see_variant" not in caller.rights:
        return []
    return [
        (b"x-fairtrial-experiment", target.experiment.name.encode()),
        (b"x-fairtrial-variant", (served_name(exchange) or "").encode()),
    ]

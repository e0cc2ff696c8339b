"""Which headers go back to the client: all of the upstream's but those of its own host and connection; and our own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from gateway.proxy.exchange import Exchange
from gateway.proxy.recording import served_name
from gateway.proxy.wire import Header

KEPT_HERE = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade", "content-length", "content-encoding", "date", "server", "via", "x-powered-by", "x-served-by",
        "set-cookie", "set-cookie2", "www-authenticate", "alt-svc", "strict-transport-security", "location", "refresh",
        "clear-site-data", "content-security-policy", "nel", "report-to", "reporting-endpoints", "x-request-id",
        "x-accel-redirect", "x-sendfile",
    }
)  # fmt: skip
"""Headers that speak of the upstream's host or connection, or that a browser or a proxy would obey here."""

KEPT_HERE_PREFIXES = ("access-control-", "x-fairtrial-", "cross-origin-", "proxy-", "x-accel-")


@lru_cache(maxsize=1024)
def goes_back(name: str) -> bool:
    """Whether an upstream's header, by its lower-case name, is sent on to the client."""
    return name not in KEPT_HERE and not name.startswith(KEPT_HERE_PREFIXES)


def answer_headers(exchange: Exchange, upstream: Mapping[str, str], *, skip: str = "") -> list[Header]:
    """Headers of a relayed answer; the variant's name only for a key that may see it."""
    headers: list[Header] = [
        (name.encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in upstream.items()
        if goes_back(name) and name != skip
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

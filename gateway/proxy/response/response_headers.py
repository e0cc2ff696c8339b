"""Which headers go back to the client: all of the upstream's but those of its own host and connection; and our own."""

from __future__ import annotations

from functools import lru_cache

from gateway.proxy.exchange import Exchange
from gateway.proxy.recording.record import served_name
from gateway.proxy.wire.headers import Headers

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


def goes_back(name: str) -> bool:
    """Whether an upstream's header, by its lower-case name, is sent on to the client."""
    return name not in KEPT_HERE and not name.startswith(KEPT_HERE_PREFIXES)


@lru_cache(maxsize=1024)
def _kept(name: str) -> bytes:
    """How the line of a header begins that goes back; nothing for one that does not."""
    return b"%b: " % name.encode("latin-1") if goes_back(name) else b""


def answer_lines(exchange: Exchange, upstream: Headers, *, skip: str = "") -> list[bytes]:
    """Headers of a relayed answer, with their line ends; the variant's name only for a key that may see it.

    The provider's key is blanked in them.
    """
    lines = [
        b"%b%b\r\n" % (known, value) for name, value in upstream.raw.items() if name != skip and (known := _kept(name))
    ]
    secret = exchange.attempts[-1].arm.endpoint.secret
    if secret is not None and secret.found_in(b"".join(lines)):
        lines = [secret.blank(line) for line in lines]
    lines.append(b"x-request-id: %b\r\n" % exchange.request_id.encode())
    return lines + variant_lines(exchange)


def variant_lines(exchange: Exchange) -> list[bytes]:
    """The experiment and the variant that serves, where the caller may see them."""
    target, caller = exchange.target, exchange.caller
    if target is None or target.experiment is None or caller is None or "see_variant" not in caller.rights:
        return []
    return [
        b"x-fairtrial-experiment: %b\r\n" % target.experiment.name.encode(),
        b"x-fairtrial-variant: %b\r\n" % (served_name(exchange) or "").encode(),
    ]

"""Selects the response headers: the upstream's, except those of its host and connection, and the gateway's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from gateway.proxy.recording.record import served_name
from gateway.proxy.stages import Attempt, Routed
from gateway.proxy.wire.headers import Headers

NOT_FORWARDED = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade", "content-length", "content-encoding", "date", "server", "via", "x-powered-by", "x-served-by",
        "set-cookie", "set-cookie2", "www-authenticate", "alt-svc", "strict-transport-security", "location", "refresh",
        "clear-site-data", "content-security-policy", "nel", "report-to", "reporting-endpoints", "x-request-id",
        "x-accel-redirect", "x-sendfile",
    }
)  # fmt: skip
"""Headers about the upstream's host or connection, and those that a browser or a proxy would act on."""

NOT_FORWARDED_PREFIXES = ("access-control-", "x-fairtrial-", "cross-origin-", "proxy-", "x-accel-")


def is_returned(name: str) -> bool:
    """Whether the client gets an upstream's header of this lower-case name."""
    return name not in NOT_FORWARDED and not name.startswith(NOT_FORWARDED_PREFIXES)


@lru_cache(maxsize=1024)
def _kept(name: str) -> bytes:
    """The start of a header's line, or ``b""`` for a header that the client does not get."""
    return b"%b: " % name.encode("latin-1") if is_returned(name) else b""


def response_lines(routed: Routed, attempts: Sequence[Attempt], upstream: Headers, *, skip: str = "") -> list[bytes]:
    """Header lines of a relayed response. The provider's key is blanked in them.

    They name the variant only for a key that may see it.
    """
    lines = [known + value + b"\r\n" for name, value in upstream.raw.items() if name != skip and (known := _kept(name))]
    secret = attempts[-1].arm.endpoint.secret
    if secret is not None and secret.found_in(b"".join(lines)):
        lines = [secret.blank(line) for line in lines]
    lines.append(b"x-request-id: %b\r\n" % routed.received.request_id.encode())
    return lines + variant_lines(routed, attempts)


def variant_lines(routed: Routed, attempts: Sequence[Attempt]) -> list[bytes]:
    """The experiment and the variant that serves, if the key may see them."""
    target = routed.target
    if target.experiment is None or "see_variant" not in routed.caller.rights:
        return []
    return [
        b"x-fairtrial-experiment: %b\r\n" % target.experiment.name.encode(),
        b"x-fairtrial-variant: %b\r\n" % (served_name(target, attempts) or "").encode(),
    ]

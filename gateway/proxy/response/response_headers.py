"""Selects the response headers: the upstream's, except those of its host and connection, and the gateway's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from fairtrial.domain.events import Reason
from gateway.proxy.recording.outcomes import reason_of, served_name
from gateway.proxy.stages import Attempt, Authenticated, Routed
from gateway.proxy.wire.headers import Headers, is_returned


@lru_cache(maxsize=1024)
def _kept(name: str) -> bytes:
    """The start of a header's line, or ``b""`` for a header that the client does not get."""
    return b"%b: " % name.encode("latin-1") if is_returned(name) else b""


def response_lines(routed: Routed, attempts: Sequence[Attempt], upstream: Headers, *, skip: str = "") -> list[bytes]:
    """Header lines of a relayed response. The provider's key is blanked in them.

    They name the variant and the reason only for a key that may see variants.
    """
    lines = [known + value + b"\r\n" for name, value in upstream.raw.items() if name != skip and (known := _kept(name))]
    secret = attempts[-1].arm.endpoint.secret
    if secret is not None and secret.found_in(b"".join(lines)):
        lines = [secret.blank(line) for line in lines]
    lines.append(b"x-request-id: %b\r\n" % routed.received.request_id.encode())
    lines += experiment_lines(routed, attempts)
    return lines


def without_retry(lines: list[bytes]) -> list[bytes]:
    """The lines of an error that the client need not try again, because the gateway has."""
    return [*(line for line in lines if not line.startswith(b"x-should-retry:")), b"x-should-retry: false\r\n"]


def experiment_lines(request: Authenticated, attempts: Sequence[Attempt]) -> Sequence[bytes]:
    """The experiment, the variant that serves, and why, if the key may see them.

    Without enrolment the variant is not named, because the request is outside the experiment.
    """
    if "see_variant" not in request.caller.rights:
        return ()
    target = request.target if isinstance(request, Routed) else None
    reason = reason_of(target, attempts)
    served = attempts[-1].arm.endpoint.name if attempts else None
    if target is None or target.experiment is None:
        return _lines(None, None, reason, served)
    outside = target.assignment is not None and not target.assignment.enrolled
    return _lines(target.experiment.name, None if outside else served_name(target, attempts), reason, served)


@lru_cache(maxsize=1024)
def _lines(experiment: str | None, variant: str | None, reason: Reason, served: str | None) -> Sequence[bytes]:
    """The lines for one combination, which a plan has few of. ``served``: the deployment that was called last."""
    named = (("experiment", experiment), ("variant", variant), ("reason", reason), ("served", served))
    return tuple(b"x-fairtrial-%b: %b\r\n" % (name.encode(), value.encode()) for name, value in named if value)

"""Reads how long a provider asks to wait."""

import re

from gateway.proxy.wire.http import WAIT, WAITS, Headers

LONGEST_WAIT = 120.0
"""The most seconds of a wait that is kept to, so that a wrong one does no harm."""

_DELAY = re.compile(rb'"retryDelay"\s*:\s*"([0-9]{1,6}(?:\.[0-9]{1,9})?)s"')
"""The wait in Gemini's ``RetryInfo``."""


def wait_of(headers: Headers, body: bytes) -> float | None:
    """The seconds that a provider asks to wait: ``retry-after-ms``, ``Retry-After`` in seconds, or `RetryInfo`.

    A wait that is not a number, or is beyond two minutes, is ignored.
    """
    waits = [float(value) / unit for name, unit in WAITS if WAIT.fullmatch(value := headers.raw.get(name, b""))]
    if match := _DELAY.search(body):
        waits.append(float(match[1]))
    return next((seconds for seconds in waits if seconds <= LONGEST_WAIT), None)

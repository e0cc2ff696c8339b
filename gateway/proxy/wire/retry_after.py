"""Reads how long a provider asks to wait, and finds waits that are not sent on."""

import re

from gateway.proxy.wire.http import Headers

LONGEST_WAIT = 120.0
"""The most seconds of a wait that is kept to, so that a wrong one does no harm."""

_NAMES = (("retry-after-ms", 1000.0), ("retry-after", 1.0))
_NUMBER = re.compile(rb"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_DATE = re.compile(rb"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")
"""RFC 9110 §5.6.7."""
_DELAY = re.compile(rb'"retryDelay"\s*:\s*"([0-9]{1,6}(?:\.[0-9]{1,9})?)s"')
"""The wait in Gemini's ``RetryInfo``."""


def wait_of(headers: Headers, body: bytes) -> float | None:
    """The seconds that a provider asks to wait: ``retry-after-ms``, ``Retry-After`` in seconds, or `RetryInfo`.

    A wait that is not a number, or is beyond two minutes, is ignored.
    """
    waits = [float(value) / unit for name, unit in _NAMES if _NUMBER.fullmatch(value := headers.raw.get(name, b""))]
    if match := _DELAY.search(body):
        waits.append(float(match[1]))
    return next((seconds for seconds in waits if seconds <= LONGEST_WAIT), None)


def odd_waits(headers: Headers) -> tuple[str, ...]:
    """The names of the headers whose wait is neither a number nor a date, which a client may misread."""
    raw = headers.raw
    if "retry-after" not in raw and "retry-after-ms" not in raw:
        return ()  # at once, as nearly always
    return tuple(
        name for name, _ in _NAMES if name in raw and not (_NUMBER.fullmatch(raw[name]) or _DATE.fullmatch(raw[name]))
    )

"""Names units of time, status classes, endpoints, days of warning, and limits of listings; converts times."""

from datetime import UTC, datetime
from typing import Any

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
WEEK_US = 7 * DAY_US

FIRST_ERROR = 400
"""The first HTTP status that says that a request failed."""
FIRST_SERVER_ERROR = 500
"""The first HTTP status that says that the server failed, not the caller."""

CHAT_COMPLETIONS = "/chat/completions"
"""The endpoint of chats, as the gateway routes it and records it with each request."""
RESPONSES = "/responses"
"""The endpoint of the Responses API, as it is routed and recorded."""

CONTROL_SECONDS = 3.0
"""How long control may take to say that it is alive, before commands and pages report that it hangs."""


LARGEST_PAGE = 10_000
LARGEST_OFFSET = 10**12
END_OF_TIME_US = 4_102_444_800_000_000
"""The year 2100, for a window without an end."""


def microseconds(time: datetime) -> int:
    """A time of the store, in microseconds since 1970, UTC."""
    delta = time.replace(tzinfo=UTC) - datetime.fromtimestamp(0, UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def with_zone(value: Any) -> Any:
    """A time of the store with its zone; any other value unchanged."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value

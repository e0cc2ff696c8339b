"""Defines the message of an alarm, which each target gets in its own form."""

from datetime import UTC, datetime

import msgspec

from fairtrial.domain.limits.alarm_settings import Severity
from fairtrial.store.experiments.alarm_messages import AlarmChange

TEST = "This is a test of fairtrial's alarms. Nothing has happened."


class Figure(msgspec.Struct, frozen=True):
    """The number behind an alarm with its interval, in words and as a line of text. A positive one is better.

    A guardrail has the plain interval of the last look.
    """

    metric: str
    variant: str
    value: float
    low: float | None
    high: float | None
    words: str
    picture: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a target gets. ``at``: when it was written. No text of a request is in it.

    ``done``: what serves the users now. ``stop``: the link, for what can be stopped.
    """

    alarm: AlarmChange
    severity: Severity
    at: str
    figure: Figure | None
    done: str
    see: str
    stop: str | None


def test_message(dashboard_url: str, now_us: int) -> Message:
    """What a test sends."""
    return Message(
        alarm=AlarmChange("test", "alarm.test", None, TEST, now_us, "test"),
        severity="notice",
        at=second_of(now_us),
        figure=None,
        done="",
        see=f"{dashboard_url.rstrip('/')}/overview",
        stop=None,
    )


def second_of(at_us: int) -> str:
    """The time to the second, UTC."""
    return f"{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"

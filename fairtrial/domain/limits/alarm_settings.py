"""Defines who gets the messages of alarms: targets, which alarms they get, and their quiet hours."""

import base64
from dataclasses import dataclass, field
from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from annotated_types import MinLen

from fairtrial.domain.settings import Converted, Duration, Name

Severity = Literal["urgent", "warning", "notice"]
Form = Literal["json", "slack", "email"]
PREFIX = "whsec_"
KEY_BYTES = range(24, 65)
"""The lengths of a key that Standard Webhooks allows."""


def signing_key(secret: str) -> bytes:
    """The key of a webhook's secret; raises `ValueError`."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    if not secret.startswith(PREFIX) or len(key) not in KEY_BYTES:
        raise ValueError("not a secret of a webhook")
    return key


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone that this machine knows (such as Europe/Berlin)") from None
    return name


def _clock(text: str) -> str:
    try:
        return f"{time.fromisoformat(text):%H:%M}"
    except ValueError:
        raise ValueError(f"{text!r} is not a time of day (such as 22:00)") from None


Zone = Annotated[str, Converted(_zone, "after")]
TimeOfDay = Annotated[str, Converted(_clock, "after")]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """When only urgent messages are sent. The others wait for the end."""

    start: TimeOfDay
    """When they begin each day, such as `"22:00"`."""
    end: TimeOfDay
    """When they end, such as `"07:00"`; on the next day, if that is not after the start."""
    zone: Zone = "UTC"
    """The time zone, such as `Europe/Berlin`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """A mail server that offers TLS, by STARTTLS or, at port 465, from the start."""

    server: Name
    """`host:port`, such as `smtp.example.org:587`."""
    sender: Name
    """The address that mails come from."""
    recipients: Annotated[tuple[Name, ...], MinLen(1)]
    """The addresses that get them."""
    user: Name | None = None
    """The name to sign in with; without it, nobody signs in."""
    password: Name | None = None
    """Its password, written as `${NAME}`, which control reads from its environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTarget:
    """A person, a channel or a system that gets messages."""

    form: Form
    """`json`: a signed webhook; `slack`: a webhook in Slack's form; `email`: a mail."""
    url: Name | None = None
    """Where webhooks go; it can be `${NAME}`, because the addresses of Slack are secrets."""
    secret: Name | None = None
    """The secret of the signature, `whsec_` and base64 of 24 to 64 bytes, as `${NAME}`; `json` needs one."""
    smtp: Smtp | None = None
    """The mail server of an `email`."""
    private: bool = False
    """Whether it is inside your network: its addresses must then be private or loopback ones, and may lack TLS."""
    kinds: Annotated[tuple[Name, ...], MinLen(1)] = ("*",)
    """The [kinds](experiment-states.md#alarms-and-notices) that it gets, such as `experiment.*`."""
    severities: Annotated[tuple[Severity, ...], MinLen(1)] = ("urgent", "warning")
    """The severities that it gets: `urgent`, `warning`, `notice`."""
    quiet: QuietHours | None = None
    """When it gets only urgent messages."""
    repeat: Duration | None = 14_400.0
    """After this time a message is sent again, as `4h`, until somebody acknowledges the alarm; `null` sends it once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettings:
    """Who gets the messages of alarms. Without targets, alarms stand only on the dashboard."""

    hosts: tuple[Name, ...] = ()
    """The hosts that messages may go to, because a URL from the environment does not show its host in the file."""
    dashboard_url: Name | None = None
    """Where people reach the dashboard, for the links; by default its address on this machine."""
    targets: dict[str, AlarmTarget] = field(default_factory=dict)
    """Targets by name."""


NO_TARGETS = AlarmSettings()

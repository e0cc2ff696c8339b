"""Defines the settings of a plan: how deployments are called and experiments decided, with the types of fields."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MinLen

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
Money = Annotated[Decimal, Ge(0)]
Seconds = Annotated[float, Gt(0)]
Wait = Annotated[float, Ge(0)]
Percent = Annotated[float, Gt(0), Le(100)]
Name = Annotated[str, MinLen(1)]
ADDED_LATER = {"added_later": True}
"""Metadata of a field that the first release lacks; its default value is left out of the plan and its hash."""

CONTROL_ONLY = {"control_only": True}
"""Metadata of a field that no worker reads; it is neither in the published file nor in the plan's hash."""

BreakerState = Literal["closed", "open", "half_open"]
RetryCause = Literal["connect", "reset", "429", "500", "502", "503", "529"]
RETRIED: tuple[RetryCause, ...] = ("connect", "reset", "429", "502", "503", "529")
OnWorse = Literal["pause", "kill", "continue"]
UnitKind = Literal["user", "conversation", "request"]
Capture = Literal["full", "redacted", "none"]
ExperimentState = Literal["declared", "running", "paused", "killed", "ended"]
Undoing = Literal["rolled back by a person", "rolled back by control", "killed"]
"""What blocks the definition until a later attempt clears it, or an admin withdraws it."""
Ending = Literal[Undoing, "worse", "ended by hand", "ended by upgrade", "expired", "promoted"]
"""Why an experiment ended or was stopped."""
PersonsAction = Literal[
    "start", "approve", "amend", "pause", "resume", "kill", "rearm", "end", "promote", "rollback", "withdraw", "archive"
]
"""What a person may do with an experiment."""
OnDisconnect = Literal["cancel", "drain"]
Looks = Literal["monitor", "planned"]
SPLIT = "split"
"""The source of users: the primary metric of the arms of an experiment."""
Hold = Literal["first_byte", "complete"]
Tools = Literal["may_act", "no_effects"]
FeedbackKind = Literal["boolean", "number", "category"]
Missing = Literal["at_random", "worst_case"]
"""What the units without feedback count as: like the others, or each also for the other side."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A setting that ``by`` converts before or after its type is checked; `ValueError` is an error in the file.

    ``written``: its type in the file, by default that of the value.
    pydantic calls the method. It returns a plain mapping, as schemas of pydantic's core are, so that the domain does
    not import pydantic.
    """

    by: Callable[[Any], Any]
    when: Literal["before", "after"] = "before"
    written: Any = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> dict[str, Any]:
        function = {"type": "no-info", "function": self.by}
        return {"type": f"function-{self.when}", "function": function, "schema": handler(self.written or source)}


def duration_seconds(value: object) -> float:
    """Seconds of a text such as ``7d`` or ``90m``; raises `ValueError`."""
    match = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a number with a unit: 30s, 90m, 12h or 7d")
    return float(match[1]) * _SECONDS[match[2]]


def _iso_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"{text!r} is not a date (such as 2027-01-31)") from None


def parse_network(text: str) -> str:
    """Parse ``10.0.0.7``, ``10.0.0.0/8`` or ``::1`` and normalise it; raises `ValueError`."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address or network (such as 127.0.0.1 or 10.0.0.0/8)") from None
    if network.prefixlen == 0:
        raise ValueError(f"{text!r} contains every address, so that anyone could claim any address")
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _level(value: object) -> object:
    """The number of a text such as ``62%``; anything else stays as it is."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(Decimal(value.strip()[:-1].strip()) / 100)
        except InvalidOperation:
            return value
    return value


Date = Annotated[str, Converted(_iso_date, "after")]
Network = Annotated[str, Converted(parse_network, "after")]
"""An IP address or a network in CIDR notation."""
MarginText = Annotated[str, Converted(lambda value: f"{value}" if type(value) in (int, float) else value)]
"""`1pp` or `20%`. A bare number is read as text, so that the check of margins can report what is missing."""
Duration = Annotated[float, Converted(duration_seconds), Gt(0), Le(90 * 86_400)]
"""`7d`, `12h`, `90m` or `30s`; at most 90 days."""
Level = Annotated[float, Converted(_level)]
"""`62%` or a number."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts, in seconds."""

    connect: Seconds = 5.0
    """Seconds to establish a connection."""
    first_byte: Seconds = 600.0
    """Seconds from the request to the first byte of the answer."""
    idle: Seconds = 600.0
    """Seconds between two bytes of an answer."""
    total: Seconds = 3600.0
    """Seconds for the whole answer."""
    failover: Seconds = field(default=90.0, metadata=ADDED_LATER)
    """Seconds to the first byte after which the next fallback is asked instead, where there is one.

    While an answer is held, it bounds each silence.
    """

    # The defaults are at least as long as the official client's, which waits ten minutes for a reasoning model.


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """When each worker stops calling a deployment that fails."""

    failures: Annotated[int, Ge(0)] = 5
    """Failures in a row to connect or to answer in time, after which it is not called; with 0 it is always called."""
    open_seconds: Seconds = 1.0
    """Seconds until one request tries it again. They double with each failed try, up to 10; without a fallback 0.2."""
    share: Annotated[Level, Gt(0), Le(1)] = field(default=0.5, metadata=ADDED_LATER)
    """The share of the tries of the last ten seconds that must have failed, such as `50%`, so that it is not called."""
    tries: Annotated[int, Ge(1)] = field(default=20, metadata=ADDED_LATER)
    """The least number of tries in these ten seconds for `share` to count."""


@dataclass(frozen=True, slots=True)
class RetryRule:
    """When a request is sent to the same deployment again, as long as no part of its answer was forwarded."""

    attempts: Annotated[int, Ge(1), Le(3)] = 2
    """Tries in all; with 1 nothing is sent again."""
    budget: Annotated[Level, Ge(0), Le(1)] = 0.1
    """The most retries, as a share of the requests of the last minute; ten a minute are always allowed."""
    on: tuple[Annotated[RetryCause, Converted(str)], ...] = RETRIED
    """What is tried again: a failed connection, a connection lost before the answer began, and these statuses.

    `"500"` can be added for a server whose 500 does not lie in the prompt.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Primary:
    """The one metric that answers the question.

    `fairtrial experiment plan` computes how long the decision takes.
    """

    metric: Name
    """The metric's name, such as `feedback.resolved`."""
    require: Literal["superior", "not_worse"] = "superior"
    """What must be shown about the candidate."""
    mde: MarginText
    """The smallest effect worth detecting, as `3pp` or `20%`; for `not_worse`, the margin."""
    baseline: Level | None = field(default=None, metadata=CONTROL_ONLY)
    """The control's level today, as `62%` or a number; by default it is taken from earlier traffic."""
    cap: Annotated[float | None, Gt(0)] = field(default=None, metadata=CONTROL_ONLY)
    """The largest amount of one unit that counts in full, for costs and tokens; by default from earlier traffic.

    For a share of requests, the most requests of one unit in the test by request; by default 50, and 1 if each request
    is a unit. The plain difference by request has no cap.
    """
    min_days: Annotated[float | None, Ge(0), Le(364)] = field(default=None, metadata=CONTROL_ONLY)
    """Days before it passes: 14 by default. From 7 on, it passes after whole weeks only. With less than 14, it may pass
    before a fading effect can be seen, and each report says so.
    """
    on_worse: OnWorse = field(default="pause", metadata=CONTROL_ONLY)
    """What control does as soon as the metric is proven worse: `pause`, `kill`, or `continue` with an alarm."""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric that must not get worse by more than its margin.

    Control tests it every few seconds. A proven decline pauses the experiment, and proven harm beyond the margin stops
    it.
    """

    metric: Name
    """The metric's name, such as `requests.error_rate`."""
    margin: MarginText
    """The largest acceptable decline: `1pp` or `20%`."""
    pause_at: MarginText | None = field(default=None, metadata=CONTROL_ONLY)
    """The decline that must be proven to pause; by default 0 for errors and safety, otherwise `kill_at`."""
    kill_at: MarginText | None = field(default=None, metadata=CONTROL_ONLY)
    """The decline that must be proven to stop the experiment; by default the margin."""
    stop_margin: MarginText | None = None
    """The former name of `kill_at`, which can't stand beside `pause_at` or `kill_at`.

    A plan that was frozen with it keeps it.
    """
    baseline: Level | None = field(default=None, metadata=CONTROL_ONLY)
    """The control's level today, which a relative margin refers to; by default it is taken from earlier traffic."""
    cap: Annotated[float | None, Gt(0)] = field(default=None, metadata=CONTROL_ONLY)
    """The largest amount of one unit that counts in full, for costs and tokens; by default from earlier traffic.

    For a share of requests, the most requests of one unit in the test by request; by default 50, and 1 if each request
    is a unit. The plain difference by request has no cap, and the decision weighs each unit.
    """
    signal: Literal["kill", "pause"] = field(default="kill", metadata=CONTROL_ONLY)
    """What a proven decline beyond `kill_at` does: `kill`, or `pause` like a smaller one."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The share of units in an experiment, which grows by stages."""

    stages: Annotated[tuple[Percent, ...], MinLen(1)]
    """Percent of the units in the experiment, ascending. The next ones follow by themselves."""
    min_units: Annotated[int, Ge(0)] = 0
    """Units that each arm must have before the next stage starts."""
    min_hours: Wait = 0  # not 0.0, because frozen plans have it so
    """Hours that a stage must last."""
    approve: tuple[Percent, ...] = ()
    """Stages that need a person's approval."""
    start: Literal["now", "manual"] = "now"
    """`manual` waits for `fairtrial experiment start`."""

    def after(self, stage: float) -> float | None:
        """The next stage; ``None`` after the last one."""
        return next((each for each in self.stages if each > stage), None)


EVERY_UNIT = Enrolment(stages=(100.0,), min_hours=0.0)
"""The enrolment of an experiment that declares none."""


@dataclass(frozen=True, slots=True)
class KeptControl:
    """A part of the control's units that stays on the control until ``until_us`` (microseconds since 1970, UTC).

    ``variant`` was promoted and gets all other units. The control keeps the units whose arm bucket is in the ``share``
    percent from ``first`` percent on. ``after``: the segment before the promotion, whose salt still assigns. ``days``:
    how long the control stays. ``finds``: after how many units harm is found.
    """

    variant: str
    share: float
    first: float
    until_us: int
    after: int
    days: float = field(default=0.0, metadata=CONTROL_ONLY)
    finds: tuple[str, ...] = field(default=(), metadata=CONTROL_ONLY)

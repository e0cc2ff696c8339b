"""Defines what an experiment declares of its decision: metrics with their margins, and stages.

These are sections of `fairtrial.yaml` and parts of the plan alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MinLen

from fairtrial.domain.plan_parts.field_marks import CONTROL_ONLY
from fairtrial.domain.plan_parts.setting_types import Level, MarginText, Name, Percent, Wait

OnWorse = Literal["pause", "kill", "continue"]


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

    For a share of requests, the most requests of one unit that count; by default 50, and 1 if each request is a unit.
    The fewer count, the sooner it can be shown that a share is not worse.
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

    Control tests it every few seconds. A proven decline pauses the experiment, and proven harm beyond the margin kills
    it.
    """

    metric: Name
    """The metric's name, such as `requests.error_rate`."""
    margin: MarginText
    """The largest acceptable decline: `1pp` or `20%`."""
    pause_at: MarginText | None = field(default=None, metadata=CONTROL_ONLY)
    """The decline that must be proven to pause; by default 0 for errors and safety, otherwise `kill_at`."""
    kill_at: MarginText | None = field(default=None, metadata=CONTROL_ONLY)
    """The decline that must be proven to kill; by default the margin."""
    stop_margin: MarginText | None = None
    """The former name of `kill_at`, which can't stand beside `pause_at` or `kill_at`.

    A plan that was frozen with it keeps it.
    """
    baseline: Level | None = field(default=None, metadata=CONTROL_ONLY)
    """The control's level today, which a relative margin refers to; by default it is taken from earlier traffic."""
    cap: Annotated[float | None, Gt(0)] = field(default=None, metadata=CONTROL_ONLY)
    """The largest amount of one unit that counts in full, for costs and tokens; by default from earlier traffic.

    For a share of requests, the most requests of one unit that count; by default 50, and 1 if each request is a unit.
    It limits the line that weighs each request; the decision weighs each unit.
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


EVERY_UNIT = Enrolment(stages=(100.0,), min_hours=0.0)
"""The enrolment of an experiment that declares none."""

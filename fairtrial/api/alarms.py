"""Declares the operations on alarms: what needs a person, and who has seen it."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from fairtrial.api.operation import Answer, Operation, Request, Text, Time, Window
from fairtrial.domain.limits.alarm_settings import Severity

AlarmState = Literal["open", "acknowledged", "closed"]
Delivery = Literal["waiting", "delivered", "refused"]
SEVERITIES: Mapping[str, Severity] = {
    "experiment.worse": "urgent",
    "experiment.killed": "urgent",
    "experiment.paused": "warning",
    "experiment.model": "warning",
    "experiment.kept_away": "warning",
    "experiment.rests": "warning",
    "experiment.lost_records": "urgent",
    "experiment.srm": "urgent",
    "experiment.changed": "urgent",
    "experiment.error": "urgent",
    "experiment.accepted": "warning",
    "experiment.declined": "warning",
    "promotion.rolled_back": "urgent",
    "stage.approval": "warning",
    "clock.jump": "warning",
    "model.same_as_base": "urgent",
    "served.changed": "urgent",
    "deployment.ends": "warning",
    "deployment.ended": "urgent",
    "shadow.limit": "warning",
    "store.older": "urgent",
    "units.no_unit": "warning",
    "units.dominant_unit": "warning",
    "units.one_request_per_unit": "warning",
    "units.units_in_two_arms": "warning",
    "units.served_by_another_arm": "warning",
    "notice.better": "notice",
    "notice.stage": "notice",
    "notice.ended": "notice",
}
"""Each kind of alarm and notice. A row of another kind can't be written, so a new kind begins here."""
Reason = Annotated[str, Meta(max_length=2000, description="one line of at most 500 visible characters")]


class ListAlarms(Window, frozen=True, kw_only=True):
    """A page of the alarms."""

    closed: Annotated[bool, Meta(description="also those whose cause has gone")] = False


class AcknowledgeAlarm(Request, frozen=True, kw_only=True):
    """The alarm, and why it is known."""

    alarm_id: str
    why: Reason


class TestAlarms(Request, frozen=True, kw_only=True):
    """The target that gets a test message; without it, all do."""

    target: Text | None = None


class TestedTarget(Answer, frozen=True, kw_only=True):
    """What became of the test message to a target. ``reason``: why it was not delivered."""

    target: str
    delivery: Delivery
    message_id: str
    reason: str = ""


class AlarmRow(Answer, frozen=True, kw_only=True):
    """An alarm. ``experiment``: its name, or that of the deployment. ``changed_by``: who knows or has closed it.

    ``delivery``: the worst state of its messages; ``None`` without any. ``messages``: the newest one of each target,
    with the reason if it was not delivered.
    """

    alarm_id: str
    kind: str
    experiment: str | None
    at_time: Time
    state: AlarmState
    text: str
    details: str
    changed_at: Time
    changed_by: str | None
    delivery: Delivery | None = None
    messages: str | None = None

    @property
    def family(self) -> str:
        """What it is about, such as ``experiment`` or ``deployment``."""
        return self.kind.partition(".")[0]


class AcknowledgedAlarm(Answer, frozen=True, kw_only=True):
    """An alarm that a person knows."""

    alarm_id: str
    state: AlarmState = "acknowledged"


listing = Operation(
    name="alarms.listing",
    method="GET",
    path="/alarms",
    role="release-manager",
    request=ListAlarms,
    response=list[AlarmRow],
    kind="table",
    description="Alarms, open ones first, then acknowledged ones. Control closes an alarm when its cause has gone.",
)
acknowledge = Operation(
    name="alarms.acknowledge",
    method="POST",
    path="/alarms/{alarm_id}/acknowledge",
    role="release-manager",
    request=AcknowledgeAlarm,
    response=AcknowledgedAlarm,
    description="Record that a person knows an alarm, with a reason. 409 says that it is closed.",
)
test = Operation(
    name="alarms.test",
    method="POST",
    path="/alarms/test",
    role="release-manager",
    request=TestAlarms,
    response=list[TestedTarget],
    description="Send a test message to the targets of alarms at once. 404 says that there is no such target.",
)

"""Declares the operations on alarms: what needs a person, and who has seen it."""

from typing import Annotated, Literal

from msgspec import Meta

from fairtrial.api.operation import Answer, Operation, Request, Time, Window

AlarmState = Literal["open", "acknowledged", "closed"]
Reason = Annotated[str, Meta(max_length=2000, description="one line of at most 500 visible characters")]


class ListAlarms(Window, frozen=True, kw_only=True):
    """A page of the alarms."""

    closed: Annotated[bool, Meta(description="also those whose cause has gone")] = False


class AcknowledgeAlarm(Request, frozen=True, kw_only=True):
    """The alarm, and why it is known."""

    alarm_id: str
    why: Reason


class AlarmRow(Answer, frozen=True, kw_only=True):
    """An alarm. ``experiment``: its name, or that of the deployment. ``changed_by``: who knows or has closed it."""

    alarm_id: str
    kind: str
    experiment: str | None
    at_time: Time
    state: AlarmState
    text: str
    details: str
    changed_at: Time
    changed_by: str | None

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

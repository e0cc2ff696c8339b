"""Declares the operations on alarms: what needs a person, and who has seen it."""

from typing import Annotated

from msgspec import Meta

from fairtrial.api.operation import Operation, Request, Row, Rows, Window

Reason = Annotated[str, Meta(max_length=2000, description="one line of at most 500 visible characters")]


class ListAlarms(Window, frozen=True, kw_only=True):
    """A page of the alarms."""

    closed: Annotated[bool, Meta(description="also those whose cause has gone")] = False


class AcknowledgeAlarm(Request, frozen=True, kw_only=True):
    """The alarm, and why it is known."""

    alarm_id: str
    why: Reason


listing = Operation(
    name="alarms.listing",
    method="GET",
    path="/alarms",
    role="release-manager",
    request=ListAlarms,
    response=Rows,
    kind="table",
    description="Alarms, open ones first, then acknowledged ones. Control closes an alarm when its cause has gone.",
)
acknowledge = Operation(
    name="alarms.acknowledge",
    method="POST",
    path="/alarms/{alarm_id}/acknowledge",
    role="release-manager",
    request=AcknowledgeAlarm,
    response=Row,
    description="Record that a person knows an alarm, with a reason. 409 says that it is closed.",
)

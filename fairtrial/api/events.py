"""Declares the operations on the audit trail."""

from typing import Annotated

from msgspec import Meta

from fairtrial.api.operation import Nothing, Operation, Row, Rows, Text, Window


class ListEvents(Window, frozen=True, kw_only=True):
    """Audit entries by who did what to which subject."""

    actor: Text | None = None
    action: Annotated[Text, Meta(description="how the action begins, such as `plan.`")] | None = None
    subject: Annotated[Text, Meta(description="part of the subject or of its name")] | None = None


listing = Operation(
    name="events.listing",
    method="GET",
    path="/events",
    role="release-manager",
    request=ListEvents,
    response=Rows,
    kind="table",
    description="Audit entries in a time window, newest first. `subject_name` is the name of the subject, if the store "
    "has one.",
)
summary = Operation(
    name="events.summary",
    method="GET",
    path="/events/summary",
    role="release-manager",
    request=ListEvents,
    response=Row,
    description="The `total` of entries that match in a time window, and every actor and action of the trail.",
)
chain = Operation(
    name="events.chain",
    method="GET",
    path="/events/chain",
    role="release-manager",
    request=Nothing,
    response=Row,
    description="Whether the hash chain of the audit trail is intact.",
)

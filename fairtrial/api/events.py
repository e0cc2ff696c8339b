"""Declares the operations on the audit trail."""

from typing import Annotated

from msgspec import Meta, Struct

from fairtrial.api.operation import Answer, Nothing, Operation, Text, Time, Window


class ListEvents(Window, frozen=True, kw_only=True):
    """Audit entries by who did what to which subject."""

    actor: Text | None = None
    action: Annotated[Text, Meta(description="how the action begins, such as `plan.`")] | None = None
    subject: Annotated[Text, Meta(description="part of the subject or of its name")] | None = None


class StoredRow(Struct, frozen=True):
    """The number of a row that an entry covers."""

    row: int


class EventDetails(Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """What sentences about entries read of their details; each action has its own part of it."""

    why: str = ""
    before: str = ""
    after: str = ""
    stage: float | None = None
    variant: str | None = None
    deployment: str | None = None
    clean: bool = False
    file: str = "?"
    items: int = 0
    candidate: str = ""
    decision: str = "?"
    stored: StoredRow | None = None


class EventRow(Answer, frozen=True, kw_only=True):
    """An entry of the audit trail. ``details`` is a JSON object as text; ``hash`` covers the entry before it."""

    number: int
    at_time: Time
    actor: str
    action: str
    subject: str
    subject_name: str | None
    details: str
    hash: str


class EventSummary(Answer, frozen=True, kw_only=True):
    """How many entries match, and every actor and action of the trail."""

    total: int
    actors: list[str]
    actions: list[str]


class Chain(Answer, frozen=True, kw_only=True):
    """Whether each entry continues the one before it, and the number of the first one that does not."""

    whole: bool
    broken_at: int | None


listing = Operation(
    name="events.listing",
    method="GET",
    path="/events",
    role="release-manager",
    request=ListEvents,
    response=list[EventRow],
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
    response=EventSummary,
    description="The `total` of entries that match in a time window, and every actor and action of the trail.",
)
chain = Operation(
    name="events.chain",
    method="GET",
    path="/events/chain",
    role="release-manager",
    request=Nothing,
    response=Chain,
    description="Whether the hash chain of the audit trail is intact.",
)

"""Declares the operations on the store and its services: state, ingest, backups, retention and erasure."""

from typing import Annotated, Literal

from msgspec import Meta

from fairtrial.api.operation import Answer, Nothing, Operation, Request
from fairtrial.domain.settings import UnitKind
from fairtrial.domain.store_reports import Backup, Erasure, IngestResult, Job, Losses, Overview, RetentionResult

LONGEST_DAYS = 36_500
LONGEST_UNIT = 100_000
"""Letters of a unit's name."""


class MakeBackup(Request, frozen=True, kw_only=True):
    """The backup's destination: the absolute path of a new folder on the machine of the control process."""

    dest: Annotated[str, Meta(min_length=1, max_length=4096)]


class Retain(Request, frozen=True, kw_only=True):
    """How many days texts are kept (default: the plan's). A dry run only counts."""

    days: Annotated[int, Meta(ge=1, le=LONGEST_DAYS)] | None = None
    dry_run: bool = False


class Erase(Request, frozen=True, kw_only=True):
    """The unit to erase, as the application names it; ``rewrite_backups``: also from reachable backups."""

    unit: Annotated[str, Meta(max_length=LONGEST_UNIT)]
    kind: UnitKind = "user"
    rewrite_backups: bool = False


class NameJob(Request, frozen=True, kw_only=True):
    """A job."""

    job_id: str


class GatewayState(Answer, frozen=True, kw_only=True):
    """Whether the gateway is ready (``None`` without a gateway), and whether it records what it serves."""

    url: str | None
    ready: bool | None
    recording: str | None


class ControlState(Answer, frozen=True, kw_only=True):
    """Where control answers. ``trouble``: what fails at present."""

    url: str | None
    trouble: str | None


class PlanState(Answer, frozen=True, kw_only=True):
    """The published configuration. ``refused``: why a changed one was not published."""

    hash: str | None
    auth: Literal["open", "keys"] | None
    refused: str | None


class StandingAlarms(Answer, frozen=True, kw_only=True):
    """The number of open alarms, and of those that a person has acknowledged."""

    open: int
    acknowledged: int


class IngestState(Answer, frozen=True, kw_only=True):
    """What waits in the journal, and what was ingested since control started."""

    lag_bytes: int
    segments: int
    rows: int
    rejects: int
    unreadable: tuple[str, ...]


class ServiceStates(Answer, frozen=True, kw_only=True):
    """The state of all services."""

    gateway: GatewayState
    recording: Losses
    control: ControlState
    plan: PlanState
    alarms: StandingAlarms
    ingest: IngestState


services = Operation(
    name="store.services",
    method="GET",
    path="/services",
    role="release-manager",
    request=Nothing,
    response=ServiceStates,
    description="The state of all services. ``refused`` says why a changed configuration was not published, "
    "``recording`` what was lost.\n\n``alarms`` counts those that are open and those that a person has acknowledged.",
)
overview = Operation(
    name="store.overview",
    method="GET",
    path="/store",
    role="release-manager",
    request=Nothing,
    response=Overview,
    description="An overview of the store.",
)
ingest = Operation(
    name="store.ingest",
    method="POST",
    path="/ingest",
    role="release-manager",
    request=Nothing,
    response=IngestResult,
    description="Ingest everything in the journal, and respond when it is done.",
)
backup = Operation(
    name="store.backup",
    method="POST",
    path="/store/backups",
    role="admin",
    request=MakeBackup,
    response=Backup,
    kind="job",
    status=202,
    description="Start a backup.",
)
retain = Operation(
    name="store.retain",
    method="POST",
    path="/store/retention",
    role="admin",
    request=Retain,
    response=RetentionResult,
    kind="job",
    status=202,
    description="Start to delete old texts, or to count them.",
)
erase = Operation(
    name="store.erase",
    method="POST",
    path="/store/erasures",
    role="admin",
    request=Erase,
    response=Erasure,
    kind="job",
    status=202,
    description="Start to erase a unit.",
)
job = Operation(
    name="store.job",
    method="GET",
    path="/store/jobs/{job_id}",
    role="admin",
    request=NameJob,
    response=Job,
    description="A job's progress and result, kept for the most recent jobs.",
)

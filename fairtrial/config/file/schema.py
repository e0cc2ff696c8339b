"""The shape of `fairtrial.yaml`: every section and field, before their names are followed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from fairtrial.config.file.section import Date, MarginText, Money, Name, Percent, Seconds, Section
from fairtrial.config.file.service_schema import ControlSection, DashboardSection, GatewaySection
from fairtrial.domain.plan import Capture, FeedbackKind, OnDisconnect, UnitKind


class PriceSection(Section):
    """US dollars: a million tokens in and out, or an hour of the machine."""

    input: Money | None = None
    """US dollars a million tokens in."""
    output: Money | None = None
    """US dollars a million tokens out."""
    gpu_hour: Money | None = None
    """US dollars an hour of the machine."""


class TimeoutsSection(Section):
    """Seconds."""

    connect: Seconds = 5.0
    """Seconds until there is a connection."""
    first_byte: Seconds = 600.0
    """Seconds from the question to the answer's first byte."""
    idle: Seconds = 600.0
    """Seconds between two bytes of an answer."""
    total: Seconds = 3600.0
    """Seconds in all."""


class DeploymentSection(Section):
    """A concrete endpoint."""

    model: Name
    """`provider/model`; `openai/…` is any server that speaks OpenAI's protocol."""
    base_url: str | None = None
    """The server's address, up to and with `/v1`."""
    api_key: Name | None = None
    """The provider's key, written as `${NAME}`, which each worker reads from its environment.

    A key that is written in the file is an error, and for a server on this machine a warning.
    """
    external: bool = False
    """Whether it lies outside of your house: routes with `data: internal` never reach it."""
    parent: Name | None = None
    """The deployment that it was tuned from."""
    price: PriceSection | None = None
    """Without it, litellm's bundled price map; a price that nobody knows is an unknown cost, never 0."""
    timeouts: TimeoutsSection = TimeoutsSection()
    """How long to wait."""
    on_disconnect: OnDisconnect = "cancel"
    """When the caller leaves: `cancel` closes the connection; `drain` reads the answer to its end, for the record."""
    drain_seconds: Seconds = 60.0
    """Seconds that such an answer is read at most."""
    forward_headers: list[str] = Field(default_factory=list)
    """Headers of callers that go up although they steer other gateways or hold keys, such as `x-portkey-config`."""
    shutdown_date: Date | None = None
    """The day on which the provider turns the model off; `/v1/models` tells callers."""


class RouteSection(Section):
    """What callers write in `model`."""

    deployment: Name | None = None
    """Where it leads; or"""
    experiment: Name | None = None
    """the experiment that splits its traffic."""
    fallback: Name | None = None
    """The deployment that answers when the one that was chosen fails before its first byte."""
    data: Literal["any", "internal"] = "any"
    """`internal`: a file in which this route can reach an external deployment is refused."""


class MetricSection(Section):
    """A metric read from what applications send back."""

    source: Literal["feedback"] = Field(alias="from")
    """Where it comes from."""
    key: Name
    """The `key` that applications send to `/v1/feedback`."""
    kind: FeedbackKind
    """What its values are; feedback with a value of another kind is refused (400)."""
    per: Literal["unit", "request"] = "unit"
    """What is averaged: units, each by its own mean first, or requests."""


class VariantSection(Section):
    """One arm: a deployment plus overrides; ``system_prompt`` is a file beside this one."""

    deployment: Name
    """Who answers."""
    system_prompt: Name | None = None
    """A text file beside this one; its text becomes the system message, in place of the caller's."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Fields of the request that are set, whatever the caller sent."""


class EnrollSection(Section):
    """How much of the traffic an experiment takes: percent of the units. Only the first stage is in force."""

    stages: list[Percent] = Field(min_length=1)
    """Percent of the units in the experiment, ascending; the first is in force, and nothing raises it."""
    min_units: int = Field(default=0, ge=0)
    """Units that a stage must have seen before the next."""
    min_hours: float = Field(default=0, ge=0, allow_inf_nan=False)
    """Hours that a stage must last."""
    approve: list[Percent] = Field(default_factory=list)
    """Stages that a person must allow."""


class PrimarySection(Section):
    """The one metric that answers the question.

    `fairtrial experiment plan` says how long it takes to decide it. Nothing in this version decides live traffic.
    """

    metric: Name
    """Its name, such as `feedback.resolved`."""
    require: Literal["superior", "not_worse"] = "superior"
    """What the candidate must be."""
    mde: MarginText
    """The smallest effect worth finding, as `3pp` or `20%`; a margin for `not_worse`."""


class GuardrailSection(Section):
    """A metric that must not get worse by its margin.

    `fairtrial experiment plan` plans for it. Nothing in this version watches it, or ends an experiment by it.
    """

    metric: Name
    """Its name, such as `requests.error_rate`."""
    margin: MarginText
    """How much worse is still bearable: `1pp` or `20%`."""
    stop_margin: MarginText | None = None
    """How much harm must be proven; 0 for errors and safety, else the margin."""


class ShadowSection(Section):
    """A copy of some traffic to one variant, whose answers nobody sees. Nothing in this version copies."""

    variant: Name
    """Who gets the copies."""
    percent: Percent
    """Percent of the requests that are copied."""
    max_usd_per_day: Money | None = None
    """US dollars a day at most."""
    max_concurrency: int = Field(default=8, ge=1)
    """Copies at a time at most."""


class ExperimentSection(Section):
    """A question, and the frozen way to answer it."""

    question: Name
    """What is to be known, in a sentence for readers."""
    unit: UnitKind
    """Who or what is randomised; see [assignment](assignment.md)."""
    control: Name
    """The variant that serves whoever is not in the experiment."""
    variants: dict[str, VariantSection] = Field(min_length=2, max_length=100)
    """The arms, by name."""
    split: dict[str, Percent]
    """Percent of the enrolled units for each variant; they add up to 100."""
    enroll: EnrollSection | None = None
    """Without it every unit is in from the start."""
    primary: PrimarySection | None = None
    """Without it the experiment only observes."""
    guardrails: list[GuardrailSection] = Field(default=[], max_length=100)
    """What must not get worse by more than its margin."""
    shadow: ShadowSection | None = None
    """Copies that nobody sees."""
    max_weeks: int = Field(default=6, ge=1, le=52)
    """How many weeks it may last."""
    salt: Name | None = None
    """The key of its hashes; by default its name. A new one reshuffles all units."""


class StoreSection(Section):
    """Where the DuckDB file is, relative to this file; everything else lies beside it."""

    path: Name = "./fairtrial.duckdb"
    """The file; relative to this one."""
    memory_mb: int | None = Field(default=None, ge=128)
    """MiB that the database engine may use. Without it: 640, or a sixteenth of the file if that is more, but at most a
    quarter of the machine's memory."""


class CaptureSection(Section):
    """What of the bodies is kept, and how long."""

    bodies: Capture = "redacted"
    """`redacted`: personal and secret text becomes its kind, such as `[email]`; `none`: no bodies, no comments."""
    retain_days: int = Field(default=30, ge=1)
    """Days that texts are kept; numbers stay."""


class ProjectFile(Section):
    """The whole file."""

    version: Literal[1]
    """The version of this format."""
    deployments: dict[str, DeploymentSection] = Field(min_length=1)
    """Endpoints by name."""
    routes: dict[str, RouteSection] = Field(default_factory=dict)
    """By the name that callers send in `model`."""
    metrics: dict[str, MetricSection] = Field(default_factory=dict)
    """Metrics of your own by name; the built-in families need no line."""
    experiments: dict[str, ExperimentSection] = Field(default_factory=dict)
    """By name."""
    store: StoreSection = StoreSection()
    """The store."""
    capture: CaptureSection = CaptureSection()
    """What is kept."""
    gateway: GatewaySection = GatewaySection()
    """The data plane."""
    control: ControlSection = ControlSection()
    """The control plane."""
    dashboard: DashboardSection = DashboardSection()
    """The dashboard."""

"""The shape of `fairtrial.yaml`: every section and field, before their names are followed."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fairtrial.domain.plan import Capture, UnitKind

Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]
MarginText = Annotated[str, BeforeValidator(lambda value: f"{value}" if type(value) in (int, float) else value)]
"""`1pp` or `20%`; a bare number is taken as text, so that the check on margins can say what it lacks."""


class Section(BaseModel):
    """A part of the file: an unknown field is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PriceSection(Section):
    """US dollars: a million tokens in and out, or an hour of the machine."""

    input: Money | None = None
    output: Money | None = None
    gpu_hour: Money | None = None


class TimeoutsSection(Section):
    """Seconds."""

    connect: Seconds = 5.0
    first_byte: Seconds = 120.0
    idle: Seconds = 60.0
    total: Seconds = 600.0


class DeploymentSection(Section):
    """A concrete endpoint."""

    model: Name
    base_url: str | None = None
    api_key: Name | None = None
    external: bool = False
    parent: Name | None = None
    price: PriceSection | None = None
    timeouts: TimeoutsSection = TimeoutsSection()


class RouteSection(Section):
    """What callers write in `model`."""

    deployment: Name | None = None
    experiment: Name | None = None
    fallback: Name | None = None
    data: Literal["any", "internal"] = "any"


class MetricSection(Section):
    """A metric read from what applications send back."""

    source: Literal["feedback"] = Field(alias="from")
    key: Name
    kind: Literal["boolean", "number", "category"]
    per: Literal["unit", "request"] = "unit"


class VariantSection(Section):
    """One arm: a deployment plus overrides; ``system_prompt`` is a file beside this one."""

    deployment: Name
    system_prompt: Name | None = None
    params: dict[str, Any] = {}


class EnrollSection(Section):
    """How an experiment grows: percent of the units, and what each stage waits for."""

    stages: list[Percent] = Field(min_length=1)
    min_units: int = Field(default=0, ge=0)
    min_hours: float = Field(default=0, ge=0, allow_inf_nan=False)
    approve: list[Percent] = []


class PrimarySection(Section):
    """The one metric that answers the question."""

    metric: Name
    require: Literal["superior", "not_worse"] = "superior"
    mde: MarginText


class GuardrailSection(Section):
    """A metric that must not get worse by its margin; by ``stop_margin`` it ends the experiment."""

    metric: Name
    margin: MarginText
    stop_margin: MarginText | None = None


class ShadowSection(Section):
    """A copy of some traffic to one variant, whose answers nobody sees."""

    variant: Name
    percent: Percent
    max_usd_per_day: Money | None = None
    max_concurrency: int = Field(default=8, ge=1)


class ExperimentSection(Section):
    """A question, and the frozen way to answer it."""

    question: Name
    unit: UnitKind
    control: Name
    variants: dict[str, VariantSection] = Field(min_length=2)
    split: dict[str, Percent]
    enroll: EnrollSection | None = None
    primary: PrimarySection | None = None
    guardrails: list[GuardrailSection] = []
    shadow: ShadowSection | None = None
    max_weeks: int = Field(default=6, ge=1, le=52)
    salt: Name | None = None


class StoreSection(Section):
    """Where the DuckDB file is, relative to this file; everything else lies beside it."""

    path: Name = "./fairtrial.duckdb"


class CaptureSection(Section):
    """What of the bodies is kept, and how long."""

    bodies: Capture = "redacted"
    retain_days: int = Field(default=30, ge=1)


class GatewaySection(Section):
    """The data plane; `open` lets every caller do everything and is for loopback only."""

    bind: str = "127.0.0.1:8080"
    auth: Literal["open", "keys"] | None = None
    workers: int = Field(default=2, ge=1, le=256)
    max_body_mb: int = Field(default=32, ge=1, le=1024)


class ControlSection(Section):
    """The control plane."""

    bind: str = "127.0.0.1:8081"


class DashboardSection(Section):
    """The page for reviewers and release managers."""

    bind: str = "127.0.0.1:8501"


class ProjectFile(Section):
    """The whole file."""

    version: Literal[1]
    deployments: dict[str, DeploymentSection] = Field(min_length=1)
    routes: dict[str, RouteSection] = {}
    metrics: dict[str, MetricSection] = {}
    experiments: dict[str, ExperimentSection] = {}
    store: StoreSection = StoreSection()
    capture: CaptureSection = CaptureSection()
    gateway: GatewaySection = GatewaySection()
    control: ControlSection = ControlSection()
    dashboard: DashboardSection = DashboardSection()

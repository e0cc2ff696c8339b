"""Defines the sections and fields of `fairtrial.yaml`, before references between them are checked."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, TypeGuard, get_type_hints

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from fairtrial.domain import settings
from fairtrial.domain.limits.alarm_settings import NO_TARGETS, AlarmSettings
from fairtrial.domain.limits.server_settings import USUAL_BODY_RATE, WorkerSettings
from fairtrial.domain.limits.spending import ShadowRule
from fairtrial.domain.money.prices import Price, PriceEntry
from fairtrial.domain.names.addresses import Address, parse_address
from fairtrial.domain.training_data import Lineage

Access = Literal["open", "keys"]


class Section(BaseModel):
    """A section of the file; an unknown field is an error, also in the dataclasses that it contains."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def is_section(annotation: Any) -> TypeGuard[type[Any]]:
    """Whether this is a type with fields: a model, or a dataclass of the domain."""
    return isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation))


def fields_of(section: type[Any]) -> Mapping[str, FieldInfo]:
    """The fields of a section by name."""
    if issubclass(section, BaseModel):
        return section.model_fields
    hints = get_type_hints(section, include_extras=True)
    return {field.name: FieldInfo.from_annotated_attribute(hints[field.name], field) for field in fields(section)}


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySection(WorkerSettings):
    """The data plane. With `open`, every caller may do everything; it is for loopback addresses only."""

    bind: str = "127.0.0.1:8080"
    """`host:port`."""
    auth: Access | None = None
    """By default `open` on loopback, where every caller may do everything, and `keys` elsewhere."""
    workers: Annotated[int, Ge(1), Le(256)] = 2
    """Number of processes that share the port."""
    max_body_mb: Annotated[int, Ge(1), Le(1024)] = 32
    """The largest request body, in MiB."""
    unit_headers: tuple[settings.Name, ...] = ()
    """Further headers that name the user, such as `X-OpenWebUI-User-Id`, if nothing else in a request does. The first
    one counts. Models never get them.
    """

    @property
    def address(self) -> Address:
        """Where it listens; raises `ValueError` if ``bind`` is not an address."""
        return parse_address(self.bind)

    @property
    def access(self) -> Access:
        """As ``auth``, or its default; raises `ValueError` as `address` does."""
        return self.auth or ("open" if self.address.loopback else "keys")


class ControlSection(Section):
    """The control plane."""

    bind: str = "127.0.0.1:8081"
    """`host:port`."""
    trusted_proxies: tuple[settings.Network, ...] = ()
    """Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted when signing in."""
    body_grace: settings.Seconds = USUAL_BODY_RATE.grace
    """Seconds in which a request's head must arrive; for the body it works as at the gateway."""
    min_body_rate: int = Field(default=USUAL_BODY_RATE.least, ge=1)
    """Bytes per second of a request body."""
    probe_tokens_per_day: int = Field(default=20_000, ge=0)
    """The most prompt tokens a day that ask a judged deployment whether it is still that model; 0 asks nothing."""


class DashboardSection(Section):
    """The web page for reviewers and release managers."""

    bind: str = "127.0.0.1:8501"
    """`host:port`."""


def in_order(names: str | list[str] | None) -> tuple[str, ...]:
    """The names of a field that takes none, one or several."""
    return (names,) if isinstance(names, str) else tuple(names or ())


class DeploymentSection(Section):
    """A concrete endpoint."""

    model: settings.Name
    """`provider/model`; `openai/…` is any server that speaks OpenAI's protocol."""
    base_url: str | None = None
    """The server's address, including `/v1`."""
    api_key: settings.Name | None = None
    """The provider's key, written as `${NAME}`, which each worker reads from its environment.

    A key that is written in the file is an error; for a server on this machine it is only a warning.
    """
    external: bool = False
    """Whether the server is outside your organisation: routes with `data: internal` never reach it."""
    parent: settings.Name | None = None
    """The deployment that this one was fine-tuned from."""
    training: Lineage | None = None
    """How it was fine-tuned: its [lineage](../glossary.md#lineage)."""
    price: Price | None = None
    """By default from `prices`, else from litellm's list; an unknown price makes the cost unknown, never 0."""
    timeouts: settings.Timeouts = settings.Timeouts()
    """How long to wait."""
    breaker: settings.BreakerRule = settings.BreakerRule()
    """When not to call it; see [a server that fails](providers.md#a-server-that-fails)."""
    retry: settings.RetryRule = settings.RetryRule()
    """When to send a request to it again; see [a server that fails](providers.md#a-server-that-fails)."""
    on_disconnect: settings.OnDisconnect = "cancel"
    """When the caller disconnects: `cancel` closes the connection; `drain` reads the rest for the record."""
    drain_seconds: settings.Seconds = 60.0
    """The most seconds for which such an answer is read."""
    forward_headers: list[str] = Field(default_factory=list)
    """Caller headers to forward although they control other gateways or hold keys, such as `x-portkey-config`."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Request fields to set, overriding those of callers and suites; `null` removes one.

    A variant's `params` override these. They apply at every endpoint with a model.
    """
    shutdown_date: settings.Date | None = None
    """The last day of the model at its provider. `check` and alarms warn ahead, and `/v1/models` shows it to callers.

    Without it, an external deployment has the date of the installed price map.
    """


class RouteSection(Section):
    """A name that callers send in `model`."""

    deployment: settings.Name | None = None
    """The deployment that serves the route. A route has either this or `experiment`."""
    experiment: settings.Name | None = None
    """The experiment that splits the route's traffic."""
    fallback: settings.Name | list[settings.Name] | None = None
    """The deployment that answers when the selected one fails before its first byte, or several in their order."""
    hold: settings.Hold = "first_byte"
    """When an answer begins: with the first byte from the deployment, or once all of it has come (`complete`)."""
    data: Literal["any", "internal"] = "any"
    """With `internal`, a file in which this route can reach an external deployment is rejected."""
    tools: settings.Tools = "may_act"
    """`no_effects`: a tool that a request offers changes nothing, so that a shadow also copies requests with tools."""
    scorers: list[Any] = Field(default_factory=list, max_length=20)
    """What a shadow measures of both answers, as in a suite: scorers that need no reference, with 1 for the best."""


class MetricSection(Section):
    """A metric computed from the feedback that applications send."""

    source: Literal["feedback"] = Field(alias="from")
    """Where the values come from."""
    key: settings.Name
    """The `key` that applications send to `/v1/feedback`."""
    kind: settings.FeedbackKind
    """The kind of its values; feedback with another kind is rejected (400)."""
    per: Literal["unit", "request"] = "unit"
    """What is averaged: requests, or units, each by its own mean."""
    window: settings.Duration = 604_800.0
    """The time after a unit's first request in which its feedback counts, as `7d` or `12h`."""
    better: Literal["higher", "lower"] = "higher"
    """Which direction is better."""
    range: tuple[float, float] | None = None
    """The lowest and the highest possible number, such as `[1, 5]`; required for an experiment's metric of numbers."""
    missing: settings.Missing | None = None
    """What the units without feedback count as, if the metric decides an experiment; by default `at_random`.

    `at_random`: like those with feedback. `worst_case`: it decides only if it also does with each missing answer
    counted for the other side.
    """


class VariantSection(Section):
    """One arm: a deployment plus overrides; ``system_prompt`` is a file next to this one."""

    deployment: settings.Name
    """The deployment that serves this arm."""
    system_prompt: settings.Name | None = None
    """A text file next to this one; its text replaces the caller's system message."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Request fields to set, overriding the deployment's and the caller's; `null` removes a field."""
    fallback: settings.Name | list[settings.Name] | None = None
    """What answers when this arm fails, in place of the route's `fallback`."""


class ExperimentSection(Section):
    """A question, and the fixed analysis that answers it."""

    question: settings.Name
    """The question, as a sentence for readers."""
    unit: settings.UnitKind
    """The unit of randomisation; see [assignment](assignment.md)."""
    control: settings.Name
    """The variant that serves units outside the experiment."""
    variants: dict[str, VariantSection] = Field(min_length=2, max_length=100)
    """The arms, by name."""
    split: dict[str, settings.Percent]
    """Percent of the enrolled units for each variant, adding up to 100."""
    enroll: settings.Enrolment | None = None
    """Without it, every unit is enrolled from the start."""
    primary: settings.Primary | None = None
    """Without it, the experiment only observes."""
    guardrails: list[settings.Guardrail] | None = Field(default=None, max_length=100)
    """Metrics that must not get worse by more than their margins; by default errors, attempts and rejections."""
    shadow: ShadowRule | None = None
    """Copies of traffic whose answers nobody sees."""
    sources: dict[str, Annotated[float, Gt(0), Le(1)]] = Field(default_factory=dict, max_length=20)
    """What may answer the question, and its share of the error level, adding up to 1: `split` and
    `shadow.NAME`. By default the split alone; see [little traffic](../how-to/plan-an-experiment.md#little-traffic).
    """
    max_weeks: int = Field(default=6, ge=1, le=52)
    """The most weeks that the experiment may last."""
    looks: settings.Looks = "planned"
    """When the primary metric is looked at: `planned`, which is once a week and needs fewer units, or at any time by
    `monitor`. Without the key it is `monitor` for amounts, ratings, rates of requests, shares below 2 % (or above
    98 %), `missing: worst_case`, relative effects without a `baseline`, and `min_days` below 7.
    """
    may_equal_base: bool | Literal["yes", "no"] = False
    """Whether it may start although a treatment's deployment [answers as the control's](gates.md#negative-controls)."""
    salt: settings.Name | None = None
    """The key of its hashes, by default its name. A new salt reassigns all units."""


class StoreSection(Section):
    """The path of the DuckDB file, relative to this file; everything else is stored next to it."""

    path: settings.Name = "./fairtrial.duckdb"
    """The file, relative to this one."""
    memory_mb: int | None = Field(default=None, ge=128)
    """MiB that the database engine may use. By default 640, or a sixteenth of the file if that is more, but at most a
    quarter of the machine's memory.
    """


class CaptureSection(Section):
    """What is stored of request and response bodies, and for how long."""

    bodies: settings.Capture = "redacted"
    """`redacted`: personal and secret text becomes its kind, such as `[email]`; `none`: no bodies, no comments."""
    retain_days: int = Field(default=30, ge=1)
    """Days for which texts are stored; numbers are not deleted."""


class ReleasesSection(Section):
    """What decides releases. Of several gates, the most specific one decides."""

    gate: settings.Name | None = None
    """The official gate's file, relative to this one. Only its SHIP can be promoted; other verdicts are unofficial."""
    routes: dict[str, settings.Name] = Field(default_factory=dict)
    """The official gate of a route's experiments, by the route's name."""
    experiments: dict[str, settings.Name] = Field(default_factory=dict)
    """The official gate of an experiment, by its name."""


class ProjectFile(Section):
    """The whole file."""

    version: Literal[1]
    """The version of this format."""
    deployments: dict[str, DeploymentSection] = Field(min_length=1)
    """Endpoints by name."""
    prices: list[PriceEntry] = Field(default_factory=list)
    """Prices with their days, see [prices](providers.md#prices)."""
    routes: dict[str, RouteSection] = Field(default_factory=dict)
    """Routes, by the name that callers send in `model`."""
    metrics: dict[str, MetricSection] = Field(default_factory=dict)
    """Your own metrics by name; the built-in families need no entry."""
    experiments: dict[str, ExperimentSection] = Field(default_factory=dict)
    """Experiments by name."""
    releases: ReleasesSection | None = None
    """The official gate."""
    store: StoreSection = StoreSection()
    """The store."""
    capture: CaptureSection = CaptureSection()
    """What is stored of bodies."""
    gateway: GatewaySection = GatewaySection()
    """The data plane."""
    control: ControlSection = ControlSection()
    """The control plane."""
    dashboard: DashboardSection = DashboardSection()
    """The dashboard."""
    alarms: AlarmSettings = NO_TARGETS
    """Who gets the messages of alarms."""

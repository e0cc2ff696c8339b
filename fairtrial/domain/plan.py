"""Defines the plan: the compiled, validated routing that workers read; rows refer to it by its hash."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fairtrial.domain import settings
from fairtrial.domain.accounts import Right
from fairtrial.domain.limits.spending import NO_LIMIT, Limit, ShadowRule
from fairtrial.domain.money.prices import LaterPrice, Price
from fairtrial.domain.training_data import Lineage

PLAN_VERSION = 1
"""Incremented only if older workers must refuse the plan; a field that they may ignore is `ADDED_LATER` instead."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A concrete model endpoint.

    ``provider`` and ``model`` are the two halves of ``openai/Qwen3-8B``. ``api_key`` may be a template such as
    ``${NAME}``, which the worker fills from its own environment, so that no secret is written to the plan.
    ``digest`` identifies this definition (model, address, parent, params), not the weights behind it.
    ``on_disconnect``: what happens to its response when the caller disconnects: cancelled, or read to its end for at
    most ``drain_seconds``. ``shutdown_date``: when the provider turns the model off, such as ``2027-01-31``.
    ``forward_headers``: lower-case names of callers' headers that are forwarded although other gateways act on them.
    ``params``: request fields that it sets, and removes where the value is ``None``.
    ``later_prices``: those that follow ``price``, in the order of their time.
    ``lineage``: how it was trained; ``None`` if the project does not say.

    The section of the file is another type, because there ``model`` and ``price`` mean something else.
    """

    name: str
    provider: str
    model: str
    base_url: str
    api_key: str | None = None
    external: bool = False
    parent: str | None = None
    price: Price = field(default=Price())
    timeouts: settings.Timeouts = field(default=settings.Timeouts())
    digest: str = ""
    on_disconnect: settings.OnDisconnect = "cancel"
    drain_seconds: float = 60.0
    shutdown_date: str | None = None
    forward_headers: tuple[str, ...] = field(default=(), metadata=settings.ADDED_LATER)
    breaker: settings.BreakerRule = field(default=settings.BreakerRule(), metadata=settings.ADDED_LATER)
    retry: settings.RetryRule = field(default=settings.RetryRule(), metadata=settings.ADDED_LATER)
    params: Mapping[str, Any] | None = field(default=None, hash=False, metadata=settings.ADDED_LATER)
    later_prices: tuple[LaterPrice, ...] = field(default=(), metadata=settings.ADDED_LATER)
    lineage: Lineage | None = field(default=None, metadata=settings.CONTROL_ONLY)

    @property
    def declared_model(self) -> str:
        """Provider and model, as the configuration writes them: ``openai/Qwen3-8B``."""
        return f"{self.provider}/{self.model}"

    @property
    def newest_price(self) -> Price:
        """The price of the last day in the book."""
        return self.later_prices[-1].price if self.later_prices else self.price

    def price_at(self, at_us: int) -> Price:
        """The price of a call that began at this time."""
        return next((later.price for later in reversed(self.later_prices) if later.since_us <= at_us), self.price)


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm: a deployment plus overrides; ``weight`` is its share in percent of the enrolled units.

    ``fallbacks``: the deployments that answer in its place, in their order; without any, those of the route.
    """

    name: str
    deployment: str
    weight: float
    system_prompt: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    fallbacks: tuple[str, ...] = field(default=(), metadata=settings.ADDED_LATER)


@dataclass(frozen=True, slots=True)
class FeedbackMetric:
    """The feedback ``key`` as a metric: its values, the time after a unit's first exposure in which they count.

    ``per``: what is averaged. ``within``: the lowest and highest value. ``window_seconds``: 7 days by default.
    ``missing``: what the units without feedback count as.

    The section of the file is another type, because checks need to know what it does not state.
    """

    key: str
    kind: settings.FeedbackKind
    per: Literal["unit", "request"] = "unit"
    better: Literal["lower", "higher"] = "higher"
    within: tuple[float, float] = (0.0, 1.0)
    window_seconds: float = 604_800.0
    missing: settings.Missing = "at_random"


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment; ``variants`` are sorted by name, so that their order in the file never moves a unit.

    ``stage``: percent of the units that are enrolled now; ``analysis_hash``: the digest of the frozen analysis.
    ``segment``: 1, plus the number of times that it was re-armed; each segment has its own salt and analysis hash.
    ``feedback``: the declared feedback metrics that it decides by. ``looks``: when the primary metric is looked at, at
    any time or at ten planned times. ``by_default``: the guardrails of an experiment that declares none. ``serves``:
    the promoted variant, which serves everyone; without one, an ended experiment serves the control. ``kept_control``:
    what stays of the control in a segment that a promotion began. ``may_equal_base``: whether a treatment may answer as
    the control. ``sources``: the shares of the error level that the sources of the primary answer spend.

    The section of the file is another type, because an experiment also has a state, and variants with their shares.
    """

    name: str
    question: str
    unit: settings.UnitKind
    control: str
    variants: tuple[Variant, ...]
    salt: str
    stage: float
    state: settings.ExperimentState = "running"
    primary: settings.Primary | None = None
    guardrails: tuple[settings.Guardrail, ...] = ()
    analysis_hash: str = ""
    segment: int = field(default=1, metadata=settings.ADDED_LATER)
    serves: str | None = field(default=None, metadata=settings.ADDED_LATER)
    kept_control: settings.KeptControl | None = field(default=None, metadata=settings.ADDED_LATER)
    enrolment: settings.Enrolment = field(default=settings.EVERY_UNIT, metadata=settings.CONTROL_ONLY)
    feedback: tuple[FeedbackMetric, ...] = field(default=(), metadata=settings.CONTROL_ONLY)
    max_weeks: int = field(default=6, metadata=settings.CONTROL_ONLY)
    looks: settings.Looks | None = field(default=None, metadata=settings.CONTROL_ONLY)
    by_default: tuple[settings.Guardrail, ...] = field(default=(), metadata=settings.CONTROL_ONLY)
    may_equal_base: bool = field(default=False, metadata=settings.CONTROL_ONLY)
    shadow: ShadowRule | None = field(default=None, metadata=settings.ADDED_LATER)
    sources: Mapping[str, float] = field(default_factory=dict, hash=False, metadata=settings.CONTROL_ONLY)

    @property
    def watched(self) -> tuple[settings.Guardrail, ...]:
        """The declared guardrails, or those that apply by default."""
        return self.guardrails or self.by_default

    @property
    def treatments(self) -> tuple[str, ...]:
        """The variants besides the control."""
        return tuple(variant.name for variant in self.variants if variant.name != self.control)

    def variant(self, name: str) -> Variant:
        """The variant of that name; `KeyError` if there is none."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Route:
    """A name that callers use as ``model``; it has either a deployment or an experiment.

    ``other_fallbacks`` are asked after ``fallback``, in their order. ``hold``: an answer begins with the first byte
    from its deployment, or only once that is complete. ``tools``: whether the tools that requests offer may have
    effects, so that a request with tools has no copy.

    The section of the file is another type, because the first release knows one fallback only.
    """

    name: str
    deployment: str | None = None
    experiment: str | None = None
    fallback: str | None = None
    data: Literal["any", "internal"] = "any"
    other_fallbacks: tuple[str, ...] = field(default=(), metadata=settings.ADDED_LATER)
    hold: settings.Hold = field(default="first_byte", metadata=settings.ADDED_LATER)
    tools: settings.Tools = field(default="may_act", metadata=settings.ADDED_LATER)

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """The deployments that answer when the selected one fails, in their order."""
        return () if self.fallback is None else (self.fallback, *self.other_fallbacks)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the file declares, resolved. ``plan_hash`` covers all other fields: plans with the same hash route alike."""

    deployments: Mapping[str, Deployment]
    routes: Mapping[str, Route]
    experiments: Mapping[str, Experiment]
    capture: settings.Capture = "redacted"
    retain_days: int = 30
    version: int = PLAN_VERSION
    plan_hash: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret, of which only the SHA-256 in hex is known.

    ``routes``: the routes that it may use, empty for all; ``expires_us``: microseconds since 1970, UTC.
    """

    key_id: str
    name: str
    sha256: str
    rights: tuple[Right, ...]
    routes: tuple[str, ...] = ()
    expires_us: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The last day of a deployment, such as ``2027-01-31``, and the tested deployment that may follow it."""

    last_day: str
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class Shadow:
    """Copies of a share of the requests that ``baseline`` serves on a route, sent to ``candidate``. Nobody gets the
    answers.

    ``share``: percent. ``variant``: the arm of the route's experiment whose parameters and prompt the copies get.
    ``digests``: those of the definitions of both at its start.
    """

    shadow_id: str
    route: str
    baseline: str
    candidate: str
    share: float
    limit: Limit = NO_LIMIT
    variant: str | None = None
    max_concurrency: int = 8
    digests: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Published:
    """The content of the file that workers watch: the plan, the keys, and the secret for pseudonyms of units.

    ``auth``: ``open`` (loopback only; every caller has every right) or ``keys``. ``feedback``: the value type of each
    declared feedback key; ``None`` in a file of an earlier version, in which case types are not checked. ``endings``:
    the deployments with a last day, by name; ``None`` if there are none. ``unit_headers``: lower-case names of headers
    that name the user if nothing else does. ``shadows``: those that run now.
    """

    plan: Plan
    auth: Literal["open", "keys"]
    keys: tuple[Key, ...]
    pepper: str
    feedback: Mapping[str, settings.FeedbackKind] | None = field(default=None, metadata=settings.ADDED_LATER)
    endings: Mapping[str, Ending] | None = field(default=None, metadata=settings.ADDED_LATER)
    unit_headers: tuple[str, ...] = field(default=(), metadata=settings.ADDED_LATER)
    shadows: tuple[Shadow, ...] = field(default=(), metadata=settings.ADDED_LATER)


def control_deployment(plan: Plan, route: Route) -> str | None:
    """The deployment that serves a route, or the control of its experiment."""
    experiment = plan.experiments.get(route.experiment or "")
    return route.deployment if experiment is None else experiment.variant(experiment.control).deployment


def reachable(plan: Plan, route: Route) -> list[str]:
    """Every deployment that may get a request on this route, in a stable order."""
    names = [route.deployment, *route.fallbacks]
    if route.experiment is not None and route.experiment in plan.experiments:
        for variant in plan.experiments[route.experiment].variants:
            names += [variant.deployment, *variant.fallbacks]
    return list(dict.fromkeys(name for name in names if name is not None))

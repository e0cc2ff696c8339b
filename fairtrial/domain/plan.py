"""The plan: all of the routing truth, compiled and validated once; workers read it and rows name it by its hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

UnitKind = Literal["user", "conversation", "request"]
Capture = Literal["full", "redacted", "none"]
ExperimentState = Literal["running", "paused", "killed", "ended"]
OnDisconnect = Literal["cancel", "drain"]
Right = Literal["complete", "feedback", "pin", "see_variant", "admin"]
"""What a key may do: ask models, send feedback, force an arm or a deployment, see the arm in headers, use control."""

FeedbackKind = Literal["boolean", "number", "category"]
RIGHTS: tuple[Right, ...] = ("complete", "feedback", "pin", "see_variant", "admin")
PLAN_VERSION = 1
"""Raised only if an older worker must refuse the plan. A field that it may ignore is `ADDED_LATER` instead."""

ADDED_LATER = {"added_later": True}
"""Metadata of a field that the first release did not have: at its default it is left out of the plan and its hash."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a deployment costs; ``None`` is unknown, never 0.

    ``input``, ``output``: US dollars a million tokens; ``gpu_hour``: US dollars an hour of the machine.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    gpu_hour: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, to the first byte of the answer, between two bytes, and in all.

    No shorter than those of the official client, which waits ten minutes for a model that thinks.
    """

    connect: float = 5.0
    first_byte: float = 600.0
    idle: float = 600.0
    total: float = 3600.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """A concrete endpoint.

    ``provider`` and ``model`` are the two halves of ``openai/Qwen3-8B``; ``api_key`` may be a template such as
    ``${NAME}``, which the worker fills from its own environment, so that no secret is written to the plan.
    ``digest`` identifies this definition (model, address, parent), not the weights behind it.
    ``on_disconnect``: what becomes of its answer when the caller leaves: cancelled, or read to its end for at most
    ``drain_seconds``. ``shutdown_date``: when the provider turns the model off, ``2027-01-31``.
    ``forward_headers``: lower-case names of callers' headers that go up although other gateways obey them.
    """

    name: str
    provider: str
    model: str
    base_url: str
    api_key: str | None = None
    external: bool = False
    parent: str | None = None
    price: Price = Price()
    timeouts: Timeouts = Timeouts()
    digest: str = ""
    on_disconnect: OnDisconnect = "cancel"
    drain_seconds: float = 60.0
    shutdown_date: str | None = None
    forward_headers: tuple[str, ...] = field(default=(), metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm: a deployment plus overrides; ``weight`` is its share in percent of the enrolled units."""

    name: str
    deployment: str
    weight: float
    system_prompt: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric that must not get worse: ``margin`` and ``stop_margin`` as written, ``1pp`` or ``20%``."""

    metric: str
    margin: str
    stop_margin: str | None = None


@dataclass(frozen=True, slots=True)
class Primary:
    """The one metric that answers the question, and the smallest effect worth seeing, as written."""

    metric: str
    require: Literal["superior", "not_worse"]
    mde: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """A question with a unit, variants and a control; ``variants`` are sorted by name, so order never moves a unit.

    ``stage``: percent of the units that are enrolled now; ``analysis_hash`` freezes what will be decided and how.
    """

    name: str
    question: str
    unit: UnitKind
    control: str
    variants: tuple[Variant, ...]
    salt: str
    stage: float
    state: ExperimentState = "running"
    primary: Primary | None = None
    guardrails: tuple[Guardrail, ...] = ()
    analysis_hash: str = ""

    def variant(self, name: str) -> Variant:
        """The variant of that name; `KeyError` if there is none."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Route:
    """What a caller writes in ``model``: leads to a deployment or to an experiment, exactly one of them."""

    name: str
    deployment: str | None = None
    experiment: str | None = None
    fallback: str | None = None
    data: Literal["any", "internal"] = "any"


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. ``plan_hash`` covers every field but itself; two plans with one hash route alike."""

    deployments: Mapping[str, Deployment]
    routes: Mapping[str, Route]
    experiments: Mapping[str, Experiment]
    capture: Capture = "redacted"
    retain_days: int = 30
    version: int = PLAN_VERSION
    plan_hash: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as the gateway knows it: never the secret, only its SHA-256 in hex.

    ``routes``: the routes that it may name, empty for all; ``expires_us``: microseconds since 1970, UTC.
    """

    key_id: str
    name: str
    sha256: str
    rights: tuple[Right, ...]
    routes: tuple[str, ...] = ()
    expires_us: int | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """The file that workers watch: the plan, who may use it, and the secret that makes pseudonyms of units.

    ``auth``: ``open`` (loopback only: every caller has every right) or ``keys``. ``feedback``: the kind of value of
    each feedback key that the file declares; ``None`` in a file of an earlier version, and then none is checked.
    """

    plan: Plan
    auth: Literal["open", "keys"]
    keys: tuple[Key, ...]
    pepper: str
    feedback: Mapping[str, FeedbackKind] | None = field(default=None, metadata=ADDED_LATER)

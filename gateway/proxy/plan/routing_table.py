"""The published plan made ready for a worker: provider keys filled in, addresses and overrides encoded once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from fairtrial.config.rules.translation import RAW
from fairtrial.domain.events import Reason
from fairtrial.domain.plan import Deployment, Experiment, Key, Plan, Published, Variant
from fairtrial.experiments.assignment import Assignment
from gateway.proxy.plan.caller import Caller, caller_of
from gateway.proxy.plan.provider_secret import Secret, secret_of

_TEMPLATE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
NEVER_OVERRIDDEN = frozenset({"model", "messages", "prompt", "input", "stream", "stream_options"})
"""Fields that an arm's parameters can't change: they are the question itself, or the shape of the answer."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A deployment as a worker calls it; ``missing``: the environment variable that its key needs and that is unset.

    ``secret``: what must not come back from its server.
    """

    deployment: Deployment
    api_key: str | None
    missing: str | None
    model: msgspec.Raw
    secret: Secret | None = None

    @property
    def name(self) -> str:
        return self.deployment.name

    @property
    def authorization(self) -> bytes | None:
        """The header with its key."""
        return None if self.api_key is None else f"Bearer {self.api_key}".encode("latin-1", "replace")

    @property
    def translated(self) -> bool:
        """Whether its provider speaks another protocol than OpenAI's."""
        return self.deployment.provider != RAW


@dataclass(frozen=True, slots=True)
class Arm:
    """What can serve a request: an endpoint and the overrides of a variant, as raw JSON; ``name`` is the variant's."""

    name: str | None
    endpoint: Endpoint
    params: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    system_prompt: str | None = None


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key, and what its holder may do."""

    key: Key
    caller: Caller


@dataclass(frozen=True, slots=True)
class Target:
    """What serves a request and why; ``unit`` is a pseudonym; ``fallback`` is tried once if the arm can't begin."""

    route: str
    arm: Arm
    reason: Reason
    experiment: Experiment | None = None
    assignment: Assignment | None = None
    unit: str | None = None
    fallback: Arm | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """Everything that a request is resolved against; built once for each published plan, then only read.

    ``placed`` remembers what was computed for a route's units: they come again, and it stays as it is with the plan.
    """

    published: Published
    endpoints: Mapping[str, Endpoint]
    arms: Mapping[tuple[str, str], Arm]
    keys: Mapping[str, KnownKey]
    reachable: Mapping[str, frozenset[str]]
    placed: dict[tuple[str, str | None], Target] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        return self.published.plan

    @property
    def translates(self) -> bool:
        """Whether any deployment needs a translation."""
        return any(endpoint.translated for endpoint in self.endpoints.values())


def prepare(published: Published, environ: Mapping[str, str]) -> Routing:
    """A plan's routing; pure. A key whose variable is unset is noted, and fails only the requests that need it."""
    plan = published.plan
    endpoints = {name: _endpoint(deployment, environ) for name, deployment in plan.deployments.items()}
    arms = {
        (experiment.name, variant.name): _arm(variant, endpoints[variant.deployment])
        for experiment in plan.experiments.values()
        for variant in experiment.variants
    }
    return Routing(
        published=published,
        endpoints=endpoints,
        arms=arms,
        keys={key.sha256: KnownKey(key, caller_of(key)) for key in published.keys},
        reachable=_reachable(plan),
    )


def _endpoint(deployment: Deployment, environ: Mapping[str, str]) -> Endpoint:
    template = deployment.api_key
    unset = [name for name in _TEMPLATE.findall(template or "") if name not in environ]
    known = template is not None and not unset
    api_key = _TEMPLATE.sub(lambda found: environ[found[1]], template) if known and template else None
    found_by_litellm = environ.get(f"{deployment.provider.upper()}_API_KEY") if deployment.provider != RAW else None
    return Endpoint(
        deployment=deployment,
        api_key=api_key,
        missing=unset[0] if unset else None,
        model=msgspec.Raw(msgspec.json.encode(deployment.model)),
        secret=secret_of(api_key or found_by_litellm),
    )


def _arm(variant: Variant, endpoint: Endpoint) -> Arm:
    kept = {name: value for name, value in variant.params.items() if name not in NEVER_OVERRIDDEN}
    params = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in kept.items()}
    return Arm(name=variant.name, endpoint=endpoint, params=params, system_prompt=variant.system_prompt)


def _reachable(plan: Plan) -> dict[str, frozenset[str]]:
    """The deployments that each route can lead to."""
    return {
        name: frozenset(filter(None, [route.deployment, route.fallback, *_deployments(plan, route.experiment)]))
        for name, route in plan.routes.items()
    }


def _deployments(plan: Plan, experiment: str | None) -> list[str]:
    found: Experiment | None = plan.experiments.get(experiment) if experiment else None
    return [variant.deployment for variant in found.variants] if found else []

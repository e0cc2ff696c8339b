"""Prepares the published plan for a worker: provider keys, encoded addresses and overrides, and servers' health."""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fairtrial.config.rules.translation import RAW
from fairtrial.domain.accounts import RIGHTS, Right
from fairtrial.domain.errors import NotAllowed
from fairtrial.domain.events import Exposure, Reason
from fairtrial.domain.plan import Deployment, Experiment, Key, Plan, Published, Shadow, Variant, reachable
from fairtrial.domain.settings import BreakerState
from fairtrial.experiments.assignment import Assignment
from gateway.proxy.plan.breaker import MINUTE, Breaker, BreakerCounts
from gateway.proxy.plan.endings import EndingHeaders, ending_headers
from gateway.proxy.plan.provider_secret import Secret, secret_of
from gateway.proxy.plan.rests import Rests
from gateway.proxy.plan.usage_reports import REPORTS_UNASKED, BytesPerToken

FREE_RETRIES = 10
"""Retries in a minute that are always allowed."""

_TEMPLATE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
NEVER_OVERRIDDEN = frozenset({"model", "messages", "prompt", "input", "stream", "stream_options"})
"""Fields that an arm's parameters can't change: they are the question itself, or the shape of the answer."""

_WORDS: dict[Right, str] = {
    "complete": "call models",
    "feedback": "send feedback",
    "pin": "force a variant or a deployment",
    "see_variant": "see variants",
    "admin": "use the control plane",
}


Overrides = Mapping[str, msgspec.Raw | None]
"""Fields that replace a request's, as raw JSON; ``None`` removes one."""


class Breakers(dict[str, Breaker]):
    """The breakers of one deployment by path; each is made at the first request for its path."""

    def __init__(self, deployment: Deployment, counts: BreakerCounts) -> None:
        super().__init__()
        self.deployment, self.counts = deployment, counts

    def __missing__(self, path: str) -> Breaker:
        self[path] = Breaker(self.deployment, path, self.counts)
        return self[path]

    @property
    def state(self) -> BreakerState:
        """That of the worst one."""
        states = {breaker.state for breaker in self.values()}
        return "open" if "open" in states else "half_open" if "half_open" in states else "closed"


class Health:
    """The state of a deployment's server in one worker. Times are monotonic, in seconds."""

    __slots__ = ("_retries", "breakers", "deployment", "ratios", "rests")

    def __init__(self, deployment: Deployment, counts: BreakerCounts | None = None) -> None:
        self.deployment = deployment
        self.breakers = Breakers(deployment, counts or BreakerCounts())
        self.rests = Rests()
        self.ratios = BytesPerToken()
        self._retries: deque[float] = deque()

    def spend_retry(self, now: float) -> bool:
        """Whether the budget of the last minute allows one more retry, which it then contains."""
        while self._retries and self._retries[0] <= now - MINUTE:
            self._retries.popleft()
        requests = sum(breaker.tries.last(MINUTE, now) for breaker in self.breakers.values())
        allowed = len(self._retries) < max(FREE_RETRIES, self.deployment.retry.budget * requests)
        if allowed:
            self._retries.append(now)
        return allowed


def health_of(deployment: Deployment, earlier: Health | None) -> Health:
    """The state that goes on if the deployment is the same as before, else a new one. Counts always go on."""
    if earlier is None:
        return Health(deployment)
    return earlier if earlier.deployment == deployment else Health(deployment, earlier.breakers.counts)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A deployment as a worker calls it. ``missing``: the unset environment variable that its key needs.

    ``secret``: the key that must not come back from its server. ``url``: the address without a slash at its end.
    ``authorization``: the header with its key. ``asks_usage``: whether streams ask for their usage.
    ``translated``: whether its provider speaks another protocol than OpenAI's.
    """

    deployment: Deployment
    api_key: str | None
    missing: str | None
    model: msgspec.Raw
    health: Health
    secret: Secret | None = None
    name: str = field(init=False)
    url: str = field(init=False)
    authorization: bytes | None = field(init=False)
    translated: bool = field(init=False)
    params: Overrides = field(init=False)
    asks_usage: bool = field(init=False)

    def __post_init__(self) -> None:
        deployment, key = self.deployment, self.api_key
        object.__setattr__(self, "name", deployment.name)
        object.__setattr__(self, "url", deployment.base_url.rstrip("/"))
        header = None if key is None else f"Bearer {key}".encode("latin-1", "replace")
        object.__setattr__(self, "authorization", header)
        object.__setattr__(self, "translated", deployment.provider != RAW)
        object.__setattr__(self, "params", _overrides(deployment.params or {}))
        object.__setattr__(self, "asks_usage", urlsplit(deployment.base_url).hostname not in REPORTS_UNASKED)


@dataclass(frozen=True, slots=True)
class Arm:
    """What can serve a request: an endpoint and a variant's overrides as raw JSON. ``name`` is the variant's."""

    name: str | None
    endpoint: Endpoint
    params: Overrides = field(default_factory=dict)
    system_prompt: str | None = None


@dataclass(frozen=True, slots=True)
class RouteTarget:
    """What serves a request and why. ``unit`` is a pseudonym; ``fallbacks`` are asked in their order if the arm fails.

    ``hold``: the answer begins only once all of it has come.

    ``exposure`` is what the record says of the assignment. It is made once, because a unit's target is cached.
    """

    route: str
    arm: Arm
    reason: Reason
    experiment: Experiment | None = None
    assignment: Assignment | None = None
    unit: str | None = None
    fallbacks: tuple[Arm, ...] = ()
    exposure: Exposure | None = None
    hold: bool = False


@dataclass(frozen=True, slots=True)
class GatewayCaller:
    """An authenticated caller; ``key`` and ``key_id`` are ``None`` if the gateway is open.

    Rights and routes are sets, because each request looks them up.
    """

    key: Key | None
    rights: frozenset[Right]
    routes: frozenset[str]
    key_id: str | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_id", None if self.key is None else self.key.key_id)

    @property
    def name(self) -> str | None:
        return None if self.key is None else self.key.name

    def require(self, right: Right) -> None:
        """Raise `NotAllowed` unless the caller has this right."""
        if right not in self.rights:
            raise NotAllowed(
                f"this key may not {_WORDS[right]} (its rights: {', '.join(sorted(self.rights)) or 'none'})",
                code="right_missing",
            )

    def may_name(self, route: str) -> bool:
        return not self.routes or route in self.routes

    def may_continue(self, route: str, owner: str | None) -> bool:
        """Whether the caller may read and continue what a key of this name made on this route.

        The name decides, so that a key that replaces another one under its name keeps its conversations.
        """
        return self.may_name(route) and (owner is None or owner == self.name)


@dataclass(frozen=True, slots=True)
class Routing:
    """Everything that a request is resolved against. It is built once for each published plan.

    ``keys``: the holders of keys, by SHA-256. ``placed`` caches the targets of a route's units, by unit and by the
    bytes that name it, and ``recognised`` the callers of ``authorization`` headers. Both stay the same as long as the
    plan does. ``shadows``: by route, with the arm that gets the copies.
    """

    published: Published
    endpoints: Mapping[str, Endpoint]
    arms: Mapping[tuple[str, str], Arm]
    keys: Mapping[str, GatewayCaller]
    reachable: Mapping[str, frozenset[str]]
    shadows: Mapping[str, tuple[Shadow, Arm]] = field(default_factory=dict)
    placed: dict[tuple[str, str | bytes | None], RouteTarget] = field(default_factory=dict)
    recognised: dict[bytes, GatewayCaller] = field(default_factory=dict)
    endings: EndingHeaders = field(init=False)
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plan", self.published.plan)
        object.__setattr__(self, "endings", ending_headers(self.published))

    @property
    def translates(self) -> bool:
        """Whether any deployment needs a translation."""
        return any(endpoint.translated for endpoint in self.endpoints.values())


def prepare(published: Published, environ: Mapping[str, str], earlier: Routing | None = None) -> Routing:
    """Make a plan's routing. A key whose variable is unset is noted, and fails only the requests that need it.

    ``earlier``: the routing before, whose breakers go on where a deployment is the same.
    """
    plan, before = published.plan, earlier.endpoints if earlier else {}
    endpoints = {
        name: _endpoint(deployment, environ, health_of(deployment, before[name].health if name in before else None))
        for name, deployment in plan.deployments.items()
    }
    arms = {
        (experiment.name, variant.name): _arm(variant, endpoints[variant.deployment])
        for experiment in plan.experiments.values()
        for variant in experiment.variants
    }
    return Routing(
        published=published,
        endpoints=endpoints,
        arms=arms,
        keys={key.sha256: caller_of(key) for key in published.keys},
        reachable={name: frozenset(reachable(plan, route)) for name, route in plan.routes.items()},
        shadows={
            shadow.route: (shadow, _shadow_arm(shadow, plan, endpoints, arms))
            for shadow in published.shadows
            if shadow.route in plan.routes
            and shadow.candidate in endpoints
            and not (plan.routes[shadow.route].data == "internal" and plan.deployments[shadow.candidate].external)
        },
    )


def _shadow_arm(
    shadow: Shadow, plan: Plan, endpoints: Mapping[str, Endpoint], arms: Mapping[tuple[str, str], Arm]
) -> Arm:
    """The arm that gets the copies, with a breaker of its own: no copy may keep a request from its server."""
    experiment = plan.routes[shadow.route].experiment or ""
    arm = arms.get((experiment, shadow.variant or ""), Arm(None, endpoints[shadow.candidate]))
    return replace(arm, endpoint=replace(arm.endpoint, health=Health(arm.endpoint.deployment)))


def _endpoint(deployment: Deployment, environ: Mapping[str, str], health: Health) -> Endpoint:
    template = deployment.api_key
    unset = [name for name in _TEMPLATE.findall(template or "") if name not in environ]
    known = template is not None and not unset
    api_key = _TEMPLATE.sub(lambda match: environ[match[1]], template) if known and template else None
    found_by_litellm = environ.get(f"{deployment.provider.upper()}_API_KEY") if deployment.provider != RAW else None
    return Endpoint(
        deployment=deployment,
        api_key=api_key,
        missing=unset[0] if unset else None,
        model=msgspec.Raw(msgspec.json.encode(deployment.model)),
        health=health,
        secret=secret_of(api_key or found_by_litellm),
    )


def _arm(variant: Variant, endpoint: Endpoint) -> Arm:
    return Arm(variant.name, endpoint, _overrides(variant.params), variant.system_prompt)


def _overrides(params: Mapping[str, Any]) -> Overrides:
    return {
        name: None if value is None else msgspec.Raw(msgspec.json.encode(value))
        for name, value in params.items()
        if name not in NEVER_OVERRIDDEN
    }


ANYONE = GatewayCaller(None, frozenset(RIGHTS), frozenset())


def caller_of(key: Key) -> GatewayCaller:
    """What the holder of a key may do."""
    return GatewayCaller(key, frozenset(key.rights), frozenset(key.routes))

"""Reads what is true now: the published plan, and which weights answer for targets."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fairtrial.config.layout import Layout, written_key
from fairtrial.config.plan.live_state import Live
from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.errors import Unavailable
from fairtrial.domain.plan import Plan, Published
from fairtrial.store.core.database import Database
from fairtrial.store.traffic.answers import newest_fingerprints

Probe = Callable[[str], str | None]
"""Asks a deployment for one short answer: the fingerprint that it names, or ``None``; raises `Unavailable`."""

PROBE_SECONDS = 30.0
PROBE_QUESTION = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1, "temperature": 0}
DEPLOYMENT_HEADER = "x-fairtrial-deployment"


class Publisher(Protocol):
    """Publishes the plan with the live state that is in the store."""

    published: Published | None
    refused: str | None
    release_gates: ReleaseGates
    route_scorers: Mapping[str, tuple[Any, ...]]
    """The scorers that each route declares for its shadows."""
    root: Path | None
    kills_recorded_us: dict[str, int]
    """When the newest kill file of each experiment was recorded."""

    @property
    def has_declaration(self) -> bool:
        """Whether the plan in force is that of the project file."""

    def declared_plan(self, coming: Mapping[str, Live] | None = None) -> Plan:
        """The plan that the file declares now, with the states of the store, or those that are ``coming``.

        Raises `ConfigError`.
        """

    def refresh(self, *, keys_changed: bool = False, changed_by: str | None = None) -> bool:
        """Publish changes, if there are any."""


def published_plan(publisher: Publisher) -> Plan:
    """The plan in force; raises `Unavailable` if there is none."""
    if publisher.published is None:
        raise Unavailable("experiments: no configuration is published yet")
    return publisher.published.plan


@dataclass(frozen=True, slots=True)
class Present:
    """What is true now. ``release_gates``: the official gates. ``probed``: target → a fingerprint just seen.

    ``held``: as in `StepTime`.
    """

    plan: Plan
    release_gates: ReleaseGates
    now_us: int
    probed: Mapping[str, str] = field(default_factory=dict)
    held: str = ""


def served_weights(
    database: Database, plan: Plan, targets: Iterable[str], *, since_us: int
) -> dict[str, tuple[str, ...]]:
    """The newest fingerprints of each target's deployment, newest first; raises `StoreError`.

    Live requests and evaluation runs count alike. Targets whose answers name none are left out.
    """
    fingerprints = {
        target: newest_fingerprints(database, deployment_of(plan, target), since_us=since_us) for target in targets
    }
    return {target: names for target, names in fingerprints.items() if names}


def deployment_of(plan: Plan, target: str) -> str:
    """The deployment behind ``DEPLOYMENT`` or ``EXPERIMENT/VARIANT``; raises `KeyError` for an unknown target."""
    experiment, slash, variant = target.partition("/")
    return plan.experiments[experiment].variant(variant).deployment if slash else target


@dataclass(frozen=True, slots=True)
class Probed:
    """The fingerprint of each target whose deployment was asked, and why one could not be asked."""

    fingerprints: Mapping[str, str]
    problems: tuple[str, ...] = ()


def probed_weights(plan: Plan, deployment: str, probe: Probe | None) -> Probed:
    """Ask a deployment now; its fingerprint counts for every target that it serves."""
    if probe is None:
        return Probed({})
    try:
        name = probe(deployment)
    except Unavailable as error:
        return Probed({}, (f"{deployment} does not answer now: {error}",))
    variants = [
        f"{experiment.name}/{variant.name}"
        for experiment in plan.experiments.values()
        for variant in experiment.variants
        if variant.deployment == deployment
    ]
    return Probed({} if name is None else dict.fromkeys([deployment, *variants], name))


def gateway_probe(gateway_url: str | None, layout: Layout, *, seconds: float = PROBE_SECONDS) -> Probe | None:
    """The probe of a running gateway; ``None`` if control knows no gateway."""
    if gateway_url is None:
        return None

    def probe(deployment: str) -> str | None:
        return _ask(gateway_url, deployment, written_key(layout.internal_key), seconds)

    return probe


def _ask(gateway_url: str, deployment: str, key: str | None, seconds: float) -> str | None:
    import httpx  # slow to import, and control rarely asks

    headers = {DEPLOYMENT_HEADER: deployment} | ({"authorization": f"Bearer {key}"} if key else {})
    try:
        answer = httpx.post(
            f"{gateway_url}/v1/chat/completions",
            json={"model": deployment} | PROBE_QUESTION,
            headers=headers,
            timeout=seconds,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Unavailable(f"the gateway did not answer ({type(error).__name__})") from error
    if not answer.is_success:
        raise Unavailable(f"status {answer.status_code}")
    fingerprint = answer.json().get("system_fingerprint")
    return fingerprint if isinstance(fingerprint, str) and fingerprint else None

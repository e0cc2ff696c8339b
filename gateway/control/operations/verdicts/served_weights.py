"""Reads which weights answer for targets now: by their newest answers, or by asking through the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import Unavailable
from fairtrial.domain.plan import Plan
from fairtrial.store.core.database import Database
from fairtrial.store.traffic.served_models import newest_fingerprints

Probe = Callable[[str], str | None]
"""Asks a deployment for one short answer: the fingerprint that it names, or ``None``; raises `Unavailable`."""

SECONDS = 30.0
QUESTION = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1, "temperature": 0}
DEPLOYMENT_HEADER = "x-fairtrial-deployment"


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


def gateway_probe(gateway_url: str | None, layout: Layout) -> Callable[[str], str | None] | None:
    """The probe of a running gateway; ``None`` if control knows no gateway."""
    if gateway_url is None:
        return None

    def probe(deployment: str) -> str | None:
        return _ask(gateway_url, deployment, _internal_key(layout))

    return probe


def _ask(gateway_url: str, deployment: str, key: str | None) -> str | None:
    import httpx  # slow to import, and only promotions ask

    headers = {DEPLOYMENT_HEADER: deployment} | ({"authorization": f"Bearer {key}"} if key else {})
    try:
        answer = httpx.post(
            f"{gateway_url}/v1/chat/completions",
            json={"model": deployment} | QUESTION,
            headers=headers,
            timeout=SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Unavailable(f"the gateway did not answer ({type(error).__name__})") from error
    if not answer.is_success:
        raise Unavailable(f"status {answer.status_code}")
    fingerprint = answer.json().get("system_fingerprint")
    return fingerprint if isinstance(fingerprint, str) and fingerprint else None


def _internal_key(layout: Layout) -> str | None:
    try:
        return layout.internal_key.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None

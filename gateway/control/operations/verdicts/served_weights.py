"""Reads which weights answer for targets now, by the fingerprints that their newest answers name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fairtrial.domain.errors import Unavailable
from fairtrial.domain.plan import Plan
from fairtrial.store.core.database import Database
from fairtrial.store.traffic.answers import newest_fingerprints


def served_weights(
    database: Database, plan: Plan, targets: Iterable[str], *, since_us: int
) -> dict[str, tuple[str, ...]]:
    """The newest fingerprints of each target's deployment, newest first; raises `StoreError`.

    Live requests and evaluation runs count alike. Targets whose answers name none are left out.
    """
    found = {
        target: newest_fingerprints(database, deployment_of(plan, target), since_us=since_us) for target in targets
    }
    return {target: names for target, names in found.items() if names}


def deployment_of(plan: Plan, target: str) -> str:
    """The deployment behind ``DEPLOYMENT`` or ``EXPERIMENT/VARIANT``; raises `KeyError` for an unknown target."""
    experiment, slash, variant = target.partition("/")
    return plan.experiments[experiment].variant(variant).deployment if slash else target


Probe = Callable[[str], str | None]
"""Asks a deployment for one short answer: the fingerprint that it names, or ``None``; raises `Unavailable`."""


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

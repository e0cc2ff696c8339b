"""Reads what is true now: the published plan, the states of experiments, and which weights answer for targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fairtrial.config.layout import Layout
from fairtrial.config.plan.kill_files import standing_kill
from fairtrial.config.plan.live_state import Live
from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.errors import Unavailable
from fairtrial.domain.plan import Experiment, Plan, Published
from fairtrial.experiments.analysis.freeze import changed_models
from fairtrial.experiments.lifecycle import unrecorded_kill
from fairtrial.experiments.published_state import describe_removed, describe_state, find_experiment, removed_experiment
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans, transitions
from fairtrial.store.traffic.answers import newest_fingerprints


class Publisher(Protocol):
    """Publishes the plan with the live state that is in the store."""

    published: Published | None
    refused: str | None
    release_gates: ReleaseGates
    kills_recorded_us: dict[str, int]
    """When the newest kill file of each experiment was recorded."""

    def declared_plan(self, coming: Mapping[str, Live] | None = None) -> Plan:
        """The plan that the file declares now, with the states of the store, or those that are ``coming``."""

    def refresh(self, *, keys_changed: bool = False, changed_by: str | None = None) -> bool:
        """Publish changes, if there are any."""


def published_plan(publisher: Publisher) -> Plan:
    """The plan in force; raises `Unavailable` if there is none."""
    if publisher.published is None:
        raise Unavailable("experiments: no plan is published yet")
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


def read_states(database: Database, plan: Plan, *, all_: bool = False) -> list[dict[str, Any]]:
    """The state of every published experiment, without hidden ones; raises `StoreError`.

    ``all_``: also those that are no longer in the project file.
    """
    hidden = transitions.archived(database)
    names = [name for name in plan.experiments if name not in hidden]
    if all_:
        names += [name for name in _removed(database, plan) if name not in hidden]
    return [read_state(database, plan, name) for name in names]


def read_state(database: Database, plan: Plan, name: str) -> dict[str, Any]:
    """The state of one experiment, hidden or not; raises `NotFound` and `StoreError`."""
    last, archived = transitions.last(database).get(name), name in transitions.archived(database)
    stored = analysis_plans.newest(database, name)
    if name not in plan.experiments and last is not None and stored is not None:
        return describe_removed(stored.plan, last, archived=archived)
    experiment = find_experiment(plan, name)
    state = describe_state(
        plan,
        name,
        last,
        entered=transitions.all_entered(database).get(name),
        other_model=stored is not None and bool(changed_models(stored.plan, plan, experiment)),
        archived=archived,
    )
    kill = standing_kill(database.layout.folder, experiment)
    return state if kill is None else state | {"sentence": unrecorded_kill(kill, experiment.control)}


def known_experiment(database: Database, plan: Plan, name: str) -> Experiment:
    """The published experiment, or what is known of one that left the file; raises `NotFound` and `StoreError`."""
    stored, last = analysis_plans.newest(database, name), transitions.last(database).get(name)
    if name in plan.experiments or stored is None or last is None:
        return find_experiment(plan, name)
    return removed_experiment(stored.plan, last)


def _removed(database: Database, plan: Plan) -> list[str]:
    """Experiments with a frozen plan and a transition that the published plan no longer has."""
    moved = transitions.last(database)
    return [name for name in analysis_plans.newest_of_all(database) if name in moved and name not in plan.experiments]

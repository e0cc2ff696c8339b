"""Finds the deployments that serve users and were judged, and keeps whether they still answer as they did then."""

from collections.abc import Iterator

from evaluators.engine.target import resolve
from evaluators.model_equality.daily import with_change
from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Plan, reachable
from fairtrial.domain.verdicts.model_ask import ModelAsk
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import model_asks, verdicts
from fairtrial.store.experiments import alarms, analysis_plans
from gateway.control.present import deployment_of

FAMILY = "served"
CHANGED = f"{FAMILY}.changed"
"""The alarm that a deployment answers as another model than when it was judged."""


def judged_models(database: Database, plan: Plan) -> dict[str, int]:
    """Each deployment that a route reaches and that a verdict or a running experiment judges, with the newest time."""
    serving = {name for route in plan.routes.values() for name in reachable(plan, route)}
    newest: dict[str, int] = {}
    for name, at_us in (*_by_verdicts(database, plan), *_by_experiments(database, plan)):
        if name in serving:
            newest[name] = max(at_us, newest.get(name, 0))
    return newest


def _by_verdicts(database: Database, plan: Plan) -> Iterator[tuple[str, int]]:
    """The deployments of present verdicts, as far as their definitions are those that were judged."""
    for verdict in verdicts.newest_with_findings(database):
        for target, digest in verdict.provenance.definitions.items() if verdict.provenance else ():
            try:
                same = resolve(target, plan, base_url="").deployment_digest == digest
            except UsageError:
                continue
            if same:
                yield deployment_of(plan, target), verdict.at_us


def _by_experiments(database: Database, plan: Plan) -> Iterator[tuple[str, int]]:
    for experiment in plan.experiments.values():
        stored = analysis_plans.newest(database, experiment.name) if experiment.state == "running" else None
        if stored is not None:
            yield from ((variant.deployment, stored.plan.started_us) for variant in experiment.variants)


def record_judged_ask(database: Database, ask: ModelAsk, deployments: int, *, actor: str, now_us: int) -> ModelAsk:
    """Keep the ask of a deployment, one of so many that are asked daily. A change opens its alarm."""
    kept = with_change(model_asks.series(database, ask.deployment_digest), ask, deployments)
    model_asks.save(database, kept, actor=actor, now_us=now_us)
    if kept.changed_us is not None:
        settle_changed(database, kept, 0, now_us=now_us, actor=actor)
    return kept


def settle_changed(database: Database, change: ModelAsk, judged_us: int, *, now_us: int, actor: str) -> bool:
    """Open the alarm of a change, or close it once the deployment was judged again; returns whether it stands."""
    stands = change.asked_us > judged_us
    texts = {CHANGED: f"{change.words}."} if stands else {}
    alarms.settle(database, change.deployment, texts, families=(FAMILY,), now_us=now_us, actor=actor)
    return stands

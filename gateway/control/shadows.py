"""Says which shadows run, what each has spent, and what its pairs show."""

from collections.abc import Iterator
from contextlib import closing

from msgspec.structs import replace

from fairtrial.api.shadows import ShadowSpending, ShadowStatus
from fairtrial.config.layout import spending_file
from fairtrial.domain.decision.shadow import ShadowDecision
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.limits.spending import NANO, Limit
from fairtrial.domain.plan import Plan, Shadow, control_deployment
from fairtrial.domain.promises import ALPHA
from fairtrial.journal.spending import SpendingFile
from fairtrial.store.core.database import Database
from fairtrial.store.traffic import shadows
from fairtrial.store.traffic.shadows import KnownShadow
from gateway.control.present import deployment_of


def known_shadows(database: Database, plan: Plan) -> list[KnownShadow]:
    """The newest shadow of each route: of a person, or of the first stage of an experiment."""
    of_people = shadows.known(database)
    routes = {known.shadow.route for known in of_people if known.running}
    declared = [shadow for shadow in declared_shadows(plan) if shadow.route not in routes]
    return [*of_people, *(KnownShadow(shadow, True, None) for shadow in declared)]


def running_shadows(database: Database, plan: Plan) -> tuple[Shadow, ...]:
    """The shadows that workers act on. A person's own replaces the one that the file declares."""
    of_people = [known.shadow for known in shadows.known(database) if known.running]
    routes = {shadow.route for shadow in of_people}
    return (*of_people, *(shadow for shadow in declared_shadows(plan) if shadow.route not in routes))


def declared_shadows(plan: Plan) -> Iterator[Shadow]:
    """The shadows of experiments that run in their first stage."""
    for route in plan.routes.values():
        experiment = plan.experiments.get(route.experiment or "")
        rule = None if experiment is None else experiment.shadow
        if experiment is None or rule is None or experiment.state != "running":
            continue
        if experiment.stage <= experiment.enrolment.stages[0]:
            candidate = experiment.variant(rule.variant).deployment
            baseline = control_deployment(plan, route) or ""
            yield Shadow(
                f"{experiment.name}@{experiment.segment}",
                route.name,
                baseline,
                candidate,
                rule.percent,
                rule.limit,
                rule.variant,
                rule.max_concurrency,
                (plan.deployments[baseline].digest, plan.deployments[candidate].digest),
            )


def status_of(database: Database, known: KnownShadow, *, now_us: int) -> ShadowStatus:
    """A shadow as everybody prints it; raises `StoreError`."""
    shadow = known.shadow
    pairs, units, dropped, failed = shadows.counts(database, shadow.shadow_id)
    status = ShadowStatus(
        shadow_id=shadow.shadow_id,
        route=shadow.route,
        baseline=shadow.baseline,
        candidate=shadow.candidate,
        share=shadow.share,
        running=known.running,
        since=known.since,
        pairs=pairs,
        units=units,
        failed=failed,
        dropped=dropped,
        spending=spending_of(database, shadow.shadow_id, shadow.limit, now_us=now_us),
    )
    decision = decision_of(database, shadow.shadow_id)
    lines = (*_lines(status), *(f"  {line}" for line in decision.lines(shadow.candidate, shadow.baseline)))
    return replace(status, lines=lines, metrics=decision.metrics, held=decision.held)


def decision_of(
    database: Database, shadow_id: str, *, levels: tuple[float, float] = (ALPHA, ALPHA), since_us: int = 0
) -> ShadowDecision:
    """The one decision that everybody prints; raises `StoreError`."""
    from fairtrial.experiments.shadow import Drops, UnitMean, decide_shadow  # loads the statistics

    means = (UnitMean(*mean) for mean in shadows.unit_means(database, shadow_id, since_us=since_us))
    return decide_shadow(means, Drops(*shadows.drops(database, shadow_id, since_us=since_us)), levels=levels)


def known_shadow(
    database: Database,
    plan: Plan,
    candidate: str,
    baseline: str,
    *,
    levels: tuple[float, float] = (ALPHA, ALPHA),
    since_us: int = 0,
) -> ShadowDecision | None:
    """What a shadow of the present definitions of two targets shows; ``None`` without one. Raises `StoreError`.

    ``levels``: as in `decide_shadow`. ``since_us``: of the first pair that counts.
    """
    experiment, _, variant = candidate.rpartition("/")
    deployments = [deployment_of(plan, target) for target in (baseline, candidate)]
    digests = tuple(plan.deployments[name].digest for name in deployments)
    for known in known_shadows(database, plan):
        shadow = known.shadow
        route = plan.routes.get(shadow.route)
        same = (shadow.baseline, shadow.candidate) == tuple(deployments) and shadow.digests == digests
        arm = (variant, experiment) if experiment else (None, None)
        if same and route is not None and (shadow.variant, route.experiment if shadow.variant else None) == arm:
            return decision_of(database, shadow.shadow_id, levels=levels, since_us=since_us)
    return None


def _lines(status: ShadowStatus) -> Iterator[str]:
    state = "ended" if not status.running else "paused by its limit" if status.spending.reached else "running"
    yield f"{status.route}: {status.candidate} shadows {status.baseline} at {status.share:g} % ({state})"
    pairs = f"{status.pairs:,} pairs of {status.units:,} users"
    yield f"  {pairs}; {status.failed:,} copies failed, {status.dropped:,} were dropped by overload of the gateway"
    spent = status.spending
    today = f"{spent.usd_today:.4f} USD, {spent.requests_today:,} calls, {spent.tokens_today:,} tokens"
    yield f"  today: {today}; in all {spent.usd:.4f} USD; limit: {spent.limit}"


def spending_of(database: Database, shadow_id: str, limit: Limit, *, now_us: int) -> ShadowSpending:
    """What a shadow has spent, by the file that its workers keep."""
    today = now_us // DAY_US
    with closing(SpendingFile(spending_file(database.layout.folder, shadow_id))) as file:
        spent = file.spent().on(today)
    return ShadowSpending(
        usd=float(spent.nano_usd_total / NANO),
        usd_today=float(spent.nano_usd / NANO),
        requests_today=spent.requests,
        tokens_today=spent.tokens,
        limit=limit.words,
        reached=spent.reached >= today,
    )

"""Finds when a deployment's provider turns its model off, and how urgent that is."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from fairtrial.api.migrations import MigrationReport
from fairtrial.config.rules.translation import price_map_entry
from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Deployment, Ending, Plan
from fairtrial.domain.promises import WARN_DAYS
from fairtrial.domain.wording import counted

Source = Literal["shutdown_date", "the provider's /v1/models", "the price map's deprecation_date"]
LISTED: Source = "the provider's /v1/models"


@dataclass(frozen=True, slots=True)
class Retirement:
    """The last day of a deployment, where it is stated, and the routes and experiments that it serves."""

    deployment: str
    day: date
    source: Source
    serves: tuple[str, ...] = ()

    def days_left(self, today: date) -> int:
        """Days until the last day; negative after it."""
        return (self.day - today).days

    def is_over(self, today: date) -> bool:
        """Whether the last day has passed."""
        return self.day < today

    def within(self, today: date) -> int | None:
        """The smallest of `WARN_DAYS` that covers the days left; ``None`` if the date is further away."""
        return next((days for days in WARN_DAYS if self.days_left(today) <= days), None)

    def in_words(self, today: date) -> str:
        """When it ends, by which source, and what it serves."""
        left = self.days_left(today)
        when = f"ended on {self.day}, {counted(-left, 'day')} ago" if left < 0 else f"ends on {self.day}"
        until = "" if left < 0 else ", today" if left == 0 else f", in {counted(left, 'day')}"
        return f"{self.deployment} {when}{until} ({self.source}); {self.serving}"

    @property
    def serving(self) -> str:
        """What it serves, in words."""
        return f"it serves {', '.join(self.serves)}" if self.serves else "no route leads to it"


def retirement_of(deployment: Deployment, plan: Plan | None = None, *, listed: str | None = None) -> Retirement | None:
    """The retirement of a deployment, or ``None`` if no source has a date. It makes no network call.

    The project's `shutdown_date` takes precedence over ``listed``, the date that the provider's `/v1/models` states.
    The price map comes last, and only for external deployments.
    """
    serves = () if plan is None else tuple(_served(deployment.name, plan))
    stated: tuple[tuple[str | None, Source], ...] = (
        (deployment.shutdown_date, "shutdown_date"),
        (listed, LISTED),
        (_deprecation_date(deployment), "the price map's deprecation_date"),
    )
    for text, source in stated:
        if (day := _day(text)) is not None:
            return Retirement(deployment.name, day, source, serves)
    return None


def reported_retirement(deployment: Deployment, plan: Plan, report: MigrationReport | None) -> Retirement | None:
    """The retirement by the project, by the date that a migration's report has from the provider, or by the map."""
    listed = report.last_day if report is not None and report.source == LISTED else None
    return retirement_of(deployment, plan, listed=listed)


def endings(plan: Plan, reports: Mapping[str, MigrationReport]) -> dict[str, Ending]:
    """The last day of each deployment that has one, with the first successor that its migration's report ships.

    ``reports``: the newest report on each deployment, by name.
    """
    found: dict[str, Ending] = {}
    for name, deployment in plan.deployments.items():
        report = reports.get(name)
        if (retirement := reported_retirement(deployment, plan, report)) is not None:
            judged = () if report is None else report.successors
            tested = [row.target for row in judged if row.decision == "SHIP"]
            successor = next((target for target in tested if target in plan.deployments), None)
            found[name] = Ending(retirement.day.isoformat(), successor)
    return found


def retirements(plan: Plan, today: date) -> Iterator[Retirement]:
    """The deployments that have ended or end within 90 days, the earliest first."""
    known = (retirement_of(deployment, plan) for deployment in plan.deployments.values())
    near = [retirement for retirement in known if retirement is not None and retirement.within(today) is not None]
    yield from sorted(near, key=lambda retirement: (retirement.day, retirement.deployment))


def refuse_retired(plan: Plan, names: Collection[str], today: date) -> None:
    """Raise `UsageError` if a target of these names has ended; a target is a deployment or EXPERIMENT/VARIANT."""
    for name in names:
        deployment = _deployment_of(plan, name)
        retirement = None if deployment is None else retirement_of(deployment)
        if retirement is not None and retirement.is_over(today):
            raise UsageError(
                f"{name}: {retirement.deployment} ended on {retirement.day} ({retirement.source}), so it is not asked. "
                f"If it still answers, correct deployments.{retirement.deployment}.shutdown_date"
            )


def today_utc(now_us: int) -> date:
    """The day of a time in microseconds since 1970, in UTC."""
    return datetime.fromtimestamp(now_us / 1e6, UTC).date()


def _served(name: str, plan: Plan) -> Iterator[str]:
    for route in plan.routes.values():
        if route.experiment is None:
            deployments = {route.deployment}
        else:
            deployments = {variant.deployment for variant in plan.experiments[route.experiment].variants}
        if name in deployments:
            yield f"the route {route.name}" + (f" ({route.experiment})" if route.experiment else "")
        elif name in route.fallbacks:
            yield f"the route {route.name} (fallback)"


def _deployment_of(plan: Plan, target: str) -> Deployment | None:
    experiment, _, variant = target.partition("/")
    if variant and experiment in plan.experiments:
        names = {arm.name: arm.deployment for arm in plan.experiments[experiment].variants}
        return plan.deployments.get(names.get(variant, ""))
    return plan.deployments.get(target)


def _deprecation_date(deployment: Deployment) -> str | None:
    if not deployment.external:
        return None
    date_text = price_map_entry(deployment.provider, deployment.model).get("deprecation_date")
    return date_text if isinstance(date_text, str) else None


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None

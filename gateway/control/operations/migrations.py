"""Implements the operation on deployments that end, and on the migrations from them."""

from datetime import date

from fairtrial.api.migrations import EndingDeployment, MigrationReport
from fairtrial.api.operation import Nothing
from fairtrial.config.plan.migration_reports import migration_reports
from fairtrial.config.plan.retirement import reported_retirement, today_utc
from fairtrial.domain.plan import Plan
from gateway.control.context import Context


def listing(context: Context, _: Nothing) -> list[EndingDeployment]:
    plan, today = context.owner.declaration().plan, today_utc(context.now_us)
    reports = migration_reports(context.database.layout)
    rows = [_row(plan, name, reports.get(name), today) for name in plan.deployments.keys() | reports.keys()]
    known = [row for row in rows if row.last_day is not None or row.report is not None]
    return sorted(known, key=lambda row: (row.last_day is None, row.last_day, row.deployment))


def _row(plan: Plan, name: str, report: MigrationReport | None, today: date) -> EndingDeployment:
    deployment = plan.deployments.get(name)
    retirement = None if deployment is None else reported_retirement(deployment, plan, report)
    return EndingDeployment(
        deployment=name,
        model=None if deployment is None else f"{deployment.provider}/{deployment.model}",
        countdown=None if retirement is None else retirement.in_words(today),
        last_day=None if retirement is None else retirement.day.isoformat(),
        days_left=None if retirement is None else retirement.days_left(today),
        serves=() if retirement is None else retirement.serves,
        report=report,
    )

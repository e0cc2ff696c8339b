"""Raises and closes the alarms about deployments whose provider turns their model off."""

from __future__ import annotations

from datetime import date

from fairtrial.config.plan.retirement import Retirement, retirements, today_utc
from fairtrial.domain.plan import Plan
from fairtrial.store.access.audit import CONTROL
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import alarms

FAMILY = "deployment"
ENDS, ENDED = f"{FAMILY}.ends", f"{FAMILY}.ended"


def settle_retirement_alarms(database: Database, plan: Plan, *, now_us: int) -> None:
    """Open, reword and close the alarms of all deployments; raises `StoreError`. An alarm has its deployment's name.

    The text changes only at 90, 30 and 7 days and after the last day, so that it is not recorded anew each day.
    """
    today = today_utc(now_us)
    found = {retirement.deployment: _alarm(retirement, today) for retirement in retirements(plan, today)}
    for name in alarms.standing_experiments(database) | found.keys():
        alarms.settle(database, name, found.get(name, {}), family=FAMILY, now_us=now_us, actor=CONTROL)


def _alarm(retirement: Retirement, today: date) -> dict[str, str]:
    name, day, serving = retirement.deployment, retirement.day, retirement.serving
    advice = f"Find a successor with `fairtrial migrate {name} NEW --suite FILE`."
    if retirement.is_over(today):
        return {ENDED: f"{name}: its last day was {day} ({retirement.source}); {serving}. {advice}"}
    within = retirement.within(today)
    return {ENDS: f"{name}: its last day is {day}, within {within} days ({retirement.source}); {serving}. {advice}"}

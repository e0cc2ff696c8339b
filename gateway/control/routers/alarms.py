"""Routes for alarms: what needs a person, and who has seen it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.store.experiments import alarms
from gateway.control.auth.authorization import AuthorizedRoute, ReleaseManager, require_role
from gateway.control.auth.identity import actor_of
from gateway.control.operations.alarms.acknowledge_alarm import acknowledge_alarm
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_table

router = APIRouter(
    tags=["experiments"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)


class Acknowledgement(BaseModel):
    """Why the alarm is known: one line of at most 500 visible characters."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field(max_length=2000)


@router.get("/alarms")
def listing(
    request: Request,
    background: BackgroundDep,
    page: PageDep,
    closed: Annotated[bool, Query(description="also those whose cause has gone")] = False,
) -> Response:
    """Alarms, open ones first, then acknowledged ones. Control closes an alarm when its cause has gone."""
    return as_table(request, background.database, alarms.listing(page, standing=not closed))


@router.post("/alarms/{alarm_id}/acknowledge")
def acknowledge(background: BackgroundDep, alarm_id: str, reason: Acknowledgement, caller: ReleaseManager) -> Response:
    """Record that a person knows an alarm, with a reason. 409 says that it is closed."""
    actor, now_us = actor_of(caller, background.database.layout), background.clock_us()
    acknowledge_alarm(background.database, alarm_id, actor=actor, why=reason.why, now_us=now_us)
    return as_json({"alarm_id": alarm_id, "state": "acknowledged"})

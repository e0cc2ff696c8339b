"""Routes for the states of experiments: read them, change them, and list their transitions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.config.local_user import LOCAL_USER
from fairtrial.domain.accounts import may
from fairtrial.domain.errors import NotAllowed
from fairtrial.experiments.lifecycle import PersonsAction
from fairtrial.experiments.promotion import Promotion
from fairtrial.experiments.published_state import find_experiment
from fairtrial.store.experiments import transitions
from gateway.control.auth.authorization import AuthorizedRoute, ReleaseManager, require_role
from gateway.control.auth.identity import Caller, actor_of
from gateway.control.background.background_work import BackgroundWork
from gateway.control.gateway_probe import gateway_probe
from gateway.control.operations.experiments.change_experiment import Change, change_experiment
from gateway.control.operations.experiments.describe_decision import describe_decision
from gateway.control.operations.experiments.frozen_plans import frozen_plans
from gateway.control.operations.experiments.publisher import published_plan
from gateway.control.operations.experiments.read_states import known_experiment, read_state, read_states
from gateway.control.operations.verdicts.present import Present
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_table

router = APIRouter(
    tags=["experiments"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)


class Reason(BaseModel):
    """Why the state changes: one line of at most 500 visible characters."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field(max_length=2000)
    stage: float | None = Field(default=None, gt=0, le=100)
    """For an approval: the stage in percent, by default the next one that needs it."""
    variant: str | None = Field(default=None, max_length=200)
    """For a promotion: the variant, by default the only one besides the control."""
    override: bool = False
    """For a promotion by an admin: promote even if something is missing; the record says what."""
    keep_control: str | None = Field(default=None, max_length=20)
    """For a promotion: the share of all units that stays on the control for `keep_for`, from `1%` to `50%`."""
    keep_for: str | None = Field(default=None, max_length=20)
    """For a promotion: how long the control stays, from `1d` to `90d`."""
    rules: bool = False
    """For an amendment: adopt the rules of this version, as a new attempt."""


@router.get("/experiment-states")
def states(
    background: BackgroundDep,
    all_: Annotated[bool, Query(alias="all", description="also ended ones that left the project file")] = False,
) -> Response:
    """The state of every published experiment with its last transition, without traffic and without archived ones."""
    plan = published_plan(background.publisher)
    return as_json({"rows": read_states(background.database, plan, all_=all_)})


@router.get("/experiments/{name}/state")
def state(background: BackgroundDep, name: str) -> Response:
    """The state of one experiment with its last transition, without traffic."""
    return as_json(_state(background, name))


@router.get("/experiments/{name}/decision")
def decision(
    background: BackgroundDep,
    name: str,
    slices: Annotated[bool, Query(description="also the primary metric by the tags of requests")] = True,
) -> Response:
    """What one experiment has shown and decided: one sentence, and the figures behind it.

    `analysis` is null before the analysis plan is frozen. Slices are shown and never decide.
    """
    experiment = known_experiment(background.database, published_plan(background.publisher), name)
    status = background.monitor.statuses.get(name)
    waits = None if status is None else status.step.waits
    now_us = background.clock.now().now_us
    found = describe_decision(background.database, experiment, waits, now_us=now_us, slices=slices)
    return as_json(found)


@router.get("/experiments/{name}/release")
def release(background: BackgroundDep, caller: ReleaseManager, name: str, variant: str | None = None) -> Response:
    """What a promotion of the variant rests on now: the newest official verdict, and what is missing.

    `variant` is by default the only treatment. A promotion also asks its server for one answer.
    """
    from gateway.control.operations.experiments.promotion_evidence import read_release  # imports the gate when needed

    plan = published_plan(background.publisher)
    time = background.clock.now()
    present = Present(plan, background.publisher.release_gates, time.now_us, held=time.held)
    promoter = actor_of(caller, background.database.layout)
    return as_json(read_release(background.database, find_experiment(plan, name), variant, present, promoter=promoter))


@router.get("/experiments/{name}/transitions")
def listing(request: Request, background: BackgroundDep, page: PageDep, name: str) -> Response:
    """The transitions of one experiment, newest first: who did what, when and why.

    An experiment that is no longer in the project file keeps its transitions.
    """
    if name not in transitions.last(background.database):
        find_experiment(published_plan(background.publisher), name)
    return as_table(request, background.database, transitions.listing(page, name))


@router.get("/analysis-plans")
def analysis_plans_now(background: BackgroundDep) -> Response:
    """The newest frozen analysis plan of every experiment that has started."""
    return as_json({"rows": [one.stored() for one in frozen_plans(background.database).values()]})


@router.post("/experiments/{name}/{action}")
def change(
    background: BackgroundDep, name: str, action: PersonsAction, reason: Reason, caller: ReleaseManager
) -> Response:
    """Change an experiment: start, approve, amend, pause, resume, kill, re-arm, end, promote, roll back or withdraw.

    The workers follow within a second. After a promotion, `edit` has the lines for the project file. 403 says that
    only an admin can override what a promotion lacks, or withdraw what an attempt has proven. 409 says what it lacks,
    or which state the experiment is in and what is possible. 503 says that the change is recorded and will be
    published later.
    """
    actor = actor_of(caller, background.database.layout)
    if action == "withdraw":
        _refuse_others_than_admins(caller, actor, "withdraw", "withdraw what an attempt has proven")
    if reason.override:
        _refuse_others_than_admins(caller, actor, "override", "promote what lacks something")
    wanted = Change(
        name,
        action,
        actor,
        reason.why,
        stage=reason.stage,
        promotion=Promotion(reason.variant, reason.override, reason.keep_control, reason.keep_for),
        rules=reason.rules,
    )
    probe = gateway_probe(background.addresses.gateway_url, background.database.layout)
    time = background.clock.now()
    change_experiment(
        background.database, background.publisher, wanted, now_us=time.stamp_us, probe=probe, held=time.held
    )
    return as_json(_state(background, name))


def _refuse_others_than_admins(caller: Caller, actor: str, name: str, what: str) -> None:
    """Raise `NotAllowed` unless the caller is a person with the role admin, who then answers for it by name."""
    if not may(caller.role, "admin", reading=False):
        raise NotAllowed(f"{name}: only an admin can {what}, but {caller.name} has the role {caller.role}")
    if not (caller.is_person or actor.startswith(LOCAL_USER)):
        raise NotAllowed(f"{name}: only a person can {what}: sign in, without an API key")


def _state(background: BackgroundWork, name: str) -> dict[str, object]:
    return read_state(background.database, published_plan(background.publisher), name)

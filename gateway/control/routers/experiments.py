"""Routes for published experiments and their traffic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from fairtrial.domain.plan import Experiment
from fairtrial.domain.storage.traffic import ServedBefore, Traffic
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import segment_traffic
from fairtrial.store.experiments.segment_traffic import segment_page
from fairtrial.store.experiments.sums.explained_variance import explained_amounts
from fairtrial.store.traffic import time_series, traffic
from fairtrial.store.traffic.client_calls import errors_by_variant
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.background.background_work import BackgroundWork
from gateway.control.operations.experiments.publisher import published_plan
from gateway.control.operations.experiments.read_states import known_experiment, read_state
from gateway.control.operations.split.check_split import check_split
from gateway.control.operations.split.split_check_cache import SplitCheckCache
from gateway.control.responses import BackgroundDep, TrafficPageDep, as_json, as_table

Amount = Literal["requests.tokens", "cost.per_request", "cost.per_unit"]

router = APIRouter(
    tags=["experiments"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)


@router.get("/experiments")
def listing(request: Request, background: BackgroundDep, page: TrafficPageDep) -> Response:
    """Every published experiment with its traffic in the window and its test for sample-ratio mismatch."""
    checks: SplitCheckCache = request.app.state.split_check_cache
    found = {one.experiment: one for one in segment_traffic.by_variant(background.database, page)}
    shown = list(_published(background).values())[page.offset : page.offset + page.limit]
    rows = [_described(one, found.get(one.name)) | {"srm": checks.get(background.database, one)} for one in shown]
    return as_json({"rows": rows, "window": _window(page)})


@router.get("/experiments/{name}")
def one(background: BackgroundDep, page: TrafficPageDep, name: str) -> Response:
    """One experiment with its live state, its traffic in the window and its test for sample-ratio mismatch.

    After a re-arm the window begins with the re-arm at the earliest, as `window` says.
    """
    experiment = known_experiment(background.database, published_plan(background.publisher), name)
    page = segment_page(background.database, page, name)
    found = traffic.by_variant(background.database, page, experiment=name)
    described = _described(experiment, found[0] if found else None)
    live = read_state(background.database, published_plan(background.publisher), name)
    srm = check_split(background.database, experiment)
    return as_json(described | {"live": live, "srm": srm, "window": _window(page)})


@router.get("/experiments/{name}/series")
def over_time(background: BackgroundDep, page: TrafficPageDep, name: str) -> Response:
    """One experiment's traffic by variant in at most 60 time slots, and its distribution of latencies."""
    known_experiment(background.database, published_plan(background.publisher), name)
    page = segment_page(background.database, page, name)
    return as_json(time_series.series(background.database, page, experiment=name))


@router.get("/experiments/{name}/signals")
def signals(background: BackgroundDep, page: TrafficPageDep, name: str) -> Response:
    """What each variant's answers show without being asked: refusals, valid format, tokens and language switches.

    Each is a plain rate with the number of answers that could be measured (`n`). Languages are those of at most 200
    recorded exchanges of a variant; without recorded texts the rate is null.
    """
    from gateway.control.operations.experiments.live_signals import live_signals

    known_experiment(background.database, published_plan(background.publisher), name)
    page = segment_page(background.database, page, name)
    return as_json({"rows": live_signals(background.database, page, name), "window": _window(page)})


@router.get("/experiments/{name}/errors")
def errors(background: BackgroundDep, page: TrafficPageDep, name: str) -> Response:
    """How often each variant failed per try and per call of the client, for the variant and as users saw it.

    A call is the tries of one unit with one prompt that follow each other as retries. It failed if its last try did.
    The figures decide nothing.
    """
    known_experiment(background.database, published_plan(background.publisher), name)
    page = segment_page(background.database, page, name)
    return as_json({"rows": errors_by_variant(background.database, page, name)})


@router.get("/traffic")
def by_experiment(background: BackgroundDep, page: TrafficPageDep, experiment: str | None = None) -> Response:
    """Traffic by experiment and variant (intention to treat)."""
    return as_json({"rows": traffic.by_variant(background.database, page, experiment=experiment)})


@router.get("/traffic/amounts")
def amounts(
    background: BackgroundDep,
    before: Annotated[ServedBefore, Depends()],
    metric: Annotated[list[Amount], Query(max_length=3)],
) -> Response:
    """Costs and tokens of a control's users in the last 14 days, and how much the 14 days before explain of them.

    They are the requests of an experiment's control, and those of its deployment on this route outside it. There is no
    row for what fewer than 500 users show. The planner uses it.
    """
    now_us = background.clock.now().now_us
    return as_json({"rows": explained_amounts(background.database, before, metric, now_us=now_us)})


@router.get("/routes")
def by_route(request: Request, background: BackgroundDep, page: TrafficPageDep) -> Response:
    """Traffic by route and deployment."""
    return as_table(request, background.database, traffic.by_route(page))


def _window(page: Page) -> dict[str, int]:
    """The time window of the figures; ``since_us`` 0 means all time."""
    return {"since_us": page.since_us, "until_us": page.until_us}


def _published(background: BackgroundWork) -> dict[str, Experiment]:
    published = background.publisher.published
    return dict(published.plan.experiments) if published else {}


def _described(experiment: Experiment, seen: Traffic | None) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(experiment)
    for variant in plain["variants"]:
        variant.pop("system_prompt", None)
    plain.pop("salt")
    return plain | {"traffic": seen or Traffic(experiment.name, (), {})}

"""Experiments as they are published, with their traffic."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from fairtrial.domain.plan import Experiment
from fairtrial.store.core.query import Page
from fairtrial.store.traffic import time_series, traffic
from fairtrial.store.traffic.traffic import Traffic
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.background.background_work import Keeper
from gateway.control.errors import absent
from gateway.control.operations.check_split import check_split
from gateway.control.operations.split_checks import SplitChecks
from gateway.control.responses import TheKeeper, TheTrafficPage, as_json, as_table

router = APIRouter(tags=["experiments"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])


@router.get("/experiments")
def listing(request: Request, keeper: TheKeeper, page: TheTrafficPage) -> Response:
    """Every published experiment with its traffic in the window, and whether its units came by the planned split."""
    checks: SplitChecks = request.app.state.split_checks
    found = {one.experiment: one for one in traffic.by_variant(keeper.database, page)}
    shown = list(_published(keeper).values())[page.offset : page.offset + page.limit]
    rows = [_described(one, found.get(one.name)) | {"srm": checks.of(keeper.database, one)} for one in shown]
    return as_json({"rows": rows, "window": _window(page)})


@router.get("/experiments/{name}")
def one(keeper: TheKeeper, page: TheTrafficPage, name: str) -> Response:
    """One experiment with its traffic in the window, and whether its units came by the planned split."""
    experiment = _published(keeper).get(name)
    if experiment is None:
        raise absent("experiment", name)
    found = traffic.by_variant(keeper.database, page, experiment=name)
    described = _described(experiment, found[0] if found else None)
    return as_json(described | {"srm": check_split(keeper.database, experiment), "window": _window(page)})


@router.get("/experiments/{name}/series")
def over_time(keeper: TheKeeper, page: TheTrafficPage, name: str) -> Response:
    """One experiment's traffic in at most 60 slots of time by variant, and its spread of latencies."""
    if name not in _published(keeper):
        raise absent("experiment", name)
    return as_json(time_series.series(keeper.database, page, experiment=name))


@router.get("/traffic")
def by_experiment(keeper: TheKeeper, page: TheTrafficPage, experiment: str | None = None) -> Response:
    """Traffic by experiment and variant, by intention to treat."""
    return as_json({"rows": traffic.by_variant(keeper.database, page, experiment=experiment)})


@router.get("/routes")
def by_route(request: Request, keeper: TheKeeper, page: TheTrafficPage) -> Response:
    """Traffic by route and deployment."""
    return as_table(request, keeper.database, traffic.by_route(page))


def _window(page: Page) -> dict[str, int]:
    """Which time the figures are of; since 0 is all time."""
    return {"since_us": page.since_us, "until_us": page.until_us}


def _published(keeper: Keeper) -> dict[str, Experiment]:
    published = keeper.publisher.published
    return dict(published.plan.experiments) if published else {}


def _described(experiment: Experiment, seen: Traffic | None) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(experiment)
    for variant in plain["variants"]:
        variant.pop("system_prompt", None)
    plain.pop("salt")
    return plain | {"traffic": seen or Traffic(experiment.name, (), {})}

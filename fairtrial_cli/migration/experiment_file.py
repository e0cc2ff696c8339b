"""Writes the experiments that move a model's live traffic to its successor, in a copy of the project file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from fairtrial.api import traffic
from fairtrial.api.migrations import PlannedMove
from fairtrial.config.plan.retirement import Retirement
from fairtrial.config.project import load_project
from fairtrial.domain.errors import UsageError
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis.freeze import way_to_look
from fairtrial.safe_files import write_private
from fairtrial.stats.planning.question import Terms
from fairtrial.stats.planning.trial import PlannedTrial, Undecidable
from gateway.control.experiments.plan_experiment import PlanRequest, plan_experiment
from gateway.control.experiments.traffic_history import history_of_units

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial.domain.plan import Plan
    from fairtrial_cli.store_client.client import StoreClient

STAGES = (2, 10, 50, 100)
MARGIN = "5pp"
GUARDRAILS = (("requests.error_rate", "1pp"), ("requests.latency_p95", "20%"))
BLANKS = re.compile(r"\n{3,}")


def write_move(project: Project, old: str, new: str) -> tuple[Path, str] | None:
    """Write the copy and return its path and the new part; ``None`` if no route leads to the old model alone.

    The copy stands beside the project file, passes `fairtrial check`, and changes nothing until a person takes it over.
    """
    from ruamel.yaml import YAML

    routes = _routes(project.plan, old)
    if not routes:
        return None
    reader = YAML()
    reader.preserve_quotes, reader.width = True, 4096
    content = reader.load(project.path.read_text(encoding="utf-8"))
    metric = next((name for name, kind in project.feedback.items() if kind == "boolean"), None)
    moved: dict[str, Any] = {}
    experiments: dict[str, Any] = {}
    for route in routes:
        name = _name(route, content)
        rest = {key: value for key, value in content["routes"][route].items() if key != "deployment"}
        moved[route] = {"experiment": name, **rest}
        experiments[name] = _experiment(route, old, new, metric)
    content["routes"].update(moved)
    content["experiments"] = {**(content.get("experiments") or {}), **experiments}
    path = project.path.with_name(f"fairtrial.migrate-{old}.yaml")
    write_private(path, _text(reader, content).encode())
    return path, BLANKS.sub("\n\n", _text(reader, {"routes": moved, "experiments": experiments}))


def plan_moves(
    store: StoreClient,
    path: Path,
    old: str,
    retirement: Retirement | None,
    today: date,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[PlannedMove]:
    """How long each new experiment of the written file takes, by the planner and the traffic of its route."""
    plan = load_project(path, environ).plan
    for route in plan.routes.values():
        experiment = plan.experiments.get(route.experiment or "")
        if experiment is None or experiment.control != old or not experiment.name.startswith("migrate-"):
            continue
        arrivals = store.call(traffic.arrivals, traffic.RoutesOf(routes=(route.name,)))
        history = history_of_units(arrivals.both, arrivals.last, weeks=experiment.max_weeks)
        begun = PlannedMove(experiment.name, route.name, "")
        try:
            whole = replace(experiment, stage=100.0)
            request = PlanRequest(
                levels={},
                per_week=history.per_week,
                terms=Terms(mode=way_to_look(experiment), weeks=experiment.max_weeks),
            )
            result = plan_experiment(whole, request, lambda known=history: known).result  # type: ignore[misc]
        except UsageError as error:
            command = f"fairtrial experiment plan {experiment.name} --config {path.name}"
            yield structs.replace(begun, summary=f"it can't be planned yet: {error} ({command})")
            continue
        yield planned(begun, result, retirement, today)


def planned(
    begun: PlannedMove, result: PlannedTrial | Undecidable, retirement: Retirement | None, today: date
) -> PlannedMove:
    """The move with what the planner found, and what is missing before the last day."""
    per_week = result.design.per_week
    weeks = result.weeks if isinstance(result, PlannedTrial) else None
    needed = max((metric.chosen.units or 0 for metric in result.metrics), default=0)
    summary = (
        f"it decides in {counted(weeks, 'week')} at {per_week:,.0f} users a week"
        if weeks is not None
        else f"it can't decide: {result.reason}"  # type: ignore[union-attr]
    )
    if retirement is None:
        return structs.replace(begun, summary=summary, weeks=weeks)
    left = max(0, retirement.days_left(today))
    users = max(0, round(needed - per_week * left / 7))
    days = None if weeks is None else max(0, 7 * weeks - left)
    if users or days:
        missing = [counted(users, "user")] if users else []
        missing += [counted(days, "day")] if days else []
        summary += f"; before the last day {' and '.join(missing)} are missing"
    return structs.replace(begun, summary=summary, weeks=weeks, users_missing=users, days_missing=days)


def _routes(plan: Plan, old: str) -> Sequence[str]:
    return [route.name for route in plan.routes.values() if route.experiment is None and route.deployment == old]


def _name(route: str, content: Any) -> str:
    name = f"migrate-{route}"
    if name in (content.get("experiments") or {}):
        raise UsageError(f"experiments.{name} exists already: end it and remove it, or give it another name")
    return name


def _experiment(route: str, old: str, new: str, metric: str | None) -> dict[str, Any]:
    section: dict[str, Any] = {
        "question": f"Does {new} serve {route} as well as {old}, which ends?",
        "unit": "user",
        "control": old,
        "variants": {old: {"deployment": old}, new: {"deployment": new}},
        "split": {old: 50, new: 50},
        "enroll": {"stages": list(STAGES), "min_units": 100, "min_hours": 24, "approve": [STAGES[-1]]},
    }
    if metric is not None:
        section["primary"] = {"metric": f"feedback.{metric}", "require": "not_worse", "mde": MARGIN}
    section["guardrails"] = [{"metric": name, "margin": margin} for name, margin in GUARDRAILS]
    return section


def _text(writer: Any, content: Any) -> str:
    text = StringIO()
    writer.dump(content, text)
    return text.getvalue()

"""Describes a valid project in a few lines: its routes, experiments, gates, prices and addresses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtrial.domain.wording import counted
from fairtrial_cli.output.prices import price_lines, prices_json

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial.domain.plan import Experiment, Plan, Route


def describe_project(path: Path, project: Project) -> str:
    plan = project.plan
    counts = ", ".join(
        counted(len(of), noun)
        for of, noun in ((plan.deployments, "deployment"), (plan.routes, "route"), (plan.experiments, "experiment"))
    )
    lines = [f"{path}: valid; {counts}"]
    lines += [_route_text(plan, route) for route in plan.routes.values()]
    lines += [_experiment_text(experiment) for experiment in plan.experiments.values()]
    for gate in project.release_gates.files():
        covered = sorted(project.release_gates.covered(project.plan, gate))
        of = f" for {', '.join(covered)}" if covered and len(project.release_gates.files()) > 1 else ""
        lines.append(f"  releases need a SHIP of the gate {gate.relative_to(project.root)}{of}")
    lines += price_lines(project)
    gateway = project.gateway
    access = "open to every caller on this machine" if gateway.access == "open" else "for callers with a key"
    lines.append(f"  gateway {gateway.address.url}, {access}; control {project.control.url}")
    lines.append(f"  configuration {plan.plan_hash}")
    return "\n".join(lines)


def project_json(project: Project) -> dict[str, Any]:
    plan = project.plan
    return {
        "plan_hash": plan.plan_hash,
        "deployments": sorted(plan.deployments),
        "prices": prices_json(project),
        "routes": {name: route.experiment or route.deployment for name, route in plan.routes.items()},
        "experiments": {
            name: {
                "split": {variant.name: variant.weight for variant in experiment.variants},
                "stage": experiment.stage,
                "stages": experiment.enrolment.stages,
                "analysis_hash": experiment.analysis_hash,
            }
            for name, experiment in plan.experiments.items()
        },
    }


def _route_text(plan: Plan, route: Route) -> str:
    if route.experiment is not None:
        arms = " or ".join(variant.deployment for variant in plan.experiments[route.experiment].variants)
        target = f"the experiment {route.experiment} ({arms})"
    else:
        target = f"the deployment {route.deployment}"
    more = f", falls back to {route.fallback}" if route.fallback else ""
    return f"  route {route.name} → {target}{more}" + (", internal data" if route.data == "internal" else "")


def _experiment_text(experiment: Experiment) -> str:
    stages = experiment.enrolment.stages
    split = ", ".join(f"{variant.name} {variant.weight:g} %" for variant in experiment.variants)
    steps = f" (stages {', '.join(f'{stage:g}' for stage in stages)})" if len(stages) > 1 else ""
    return (
        f"  experiment {experiment.name}: {split} of the enrolled; {experiment.stage:g} % of {experiment.unit}s "
        f"are enrolled{steps}; control {experiment.control}"
    )

"""Refuses a project whose experiments, waivers or scorers name what the product can't compute or does not know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.domain.decision.shadow import MEASURES
from fairtrial.domain.errors import ConfigError, FairtrialError, nearest

if TYPE_CHECKING:
    from fairtrial.config.project import Project


def refuse_project(path: Path, project: Project) -> None:
    """Raises `ConfigError` with every error of one kind."""
    if project.plan.experiments:  # a rehearsal loads the statistics
        _refuse_uncomputable(path, project)
    _refuse_unknown_checks(path, project)
    _refuse_wrong_scorers(path, project)


def _refuse_uncomputable(path: Path, project: Project) -> None:
    """Rehearse a look at each experiment; raises `ConfigError` for a metric that control could not compute."""
    from fairtrial.config.file.yaml_file import load_one
    from fairtrial.config.plan.price_book import unpriced
    from fairtrial.experiments.analysis.findings import uncomputable
    from fairtrial.experiments.analysis.freeze import freeze

    diagnostics = [
        load_one(path).diagnostic(("experiments", name), f"{metric} can't be computed: {why}")
        for name, experiment in project.plan.experiments.items()
        for metric, why in uncomputable(freeze(project.plan, experiment, 0, planned=False))
    ]
    diagnostics += [
        load_one(path).diagnostic(("experiments", name), f"{metric} can't be decided: {why}")
        for name, experiment in project.plan.experiments.items()
        for metric, why in unpriced(project.plan, experiment).items()
    ]
    if diagnostics:
        raise ConfigError(diagnostics)


def _refuse_unknown_checks(path: Path, project: Project) -> None:
    """Raises `ConfigError` for each waiver of a check that no audit of training data has."""
    waivers = [
        (("deployments", name, "training", "waivers", at, "check"), waiver.check)
        for name, deployment in project.plan.deployments.items()
        for at, waiver in enumerate(deployment.lineage.waivers if deployment.lineage else ())
    ]
    if not waivers:
        return
    from evaluators.training_data.audit import names_of_findings
    from evaluators.training_data.provider_rules.check import TRAINING_CHECKS
    from fairtrial.config.file.yaml_file import load_one

    known = (*names_of_findings(), *TRAINING_CHECKS)
    document = load_one(path)
    diagnostics = [
        document.diagnostic(place, f"the check {check!r} does not exist", nearest(check, known))
        for place, check in waivers
        if check not in known
    ]
    if diagnostics:
        raise ConfigError(diagnostics)


def _refuse_wrong_scorers(path: Path, project: Project) -> None:
    """Raises `ConfigError` for each scorer of a route that can't measure pairs, and each source without its scorer."""
    experiments = project.plan.experiments
    if not any(project.route_scorers.values()) and not any(each.sources for each in experiments.values()):
        return
    from fairtrial.config.file.yaml_file import load_one
    from gateway.control.shadow_scores import built_scorers

    document, diagnostics = load_one(path), []
    for route, entries in project.route_scorers.items():
        known = list(MEASURES)
        for at, entry in enumerate(entries):
            try:
                known += [scorer.name for scorer in built_scorers([entry], project.root)]
            except FairtrialError as error:
                wrong = str(error).removeprefix("scorers: ")
                diagnostics.append(document.diagnostic(("routes", route, "scorers", at), wrong))
        name = project.plan.routes[route].experiment or ""
        for source in experiments[name].sources if name in experiments else ():
            family, _, scorer = source.partition(".")
            if family == "shadow" and scorer not in known:
                wrong = f"{route} has no scorer {scorer!r}"
                diagnostics.append(document.diagnostic(("experiments", name, "sources", source), wrong, str(known)))
    if diagnostics:
        raise ConfigError(diagnostics)

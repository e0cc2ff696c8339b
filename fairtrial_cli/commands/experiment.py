"""The command `fairtrial experiment`, which plans an experiment, shows its state, and stops or restarts it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.constants import WEEK_US
from fairtrial_cli.experiment_states import add_state_commands
from fairtrial_cli.options import CONFIG, JSON, NumberOption, experiment_of, print_indented, project_of

if TYPE_CHECKING:
    from fairtrial.api import traffic
    from fairtrial.config.project import Project
    from fairtrial.domain.plan import Experiment
    from fairtrial.stats.planning.question import Mode
    from gateway.control.experiments.plan_experiment import PlanRequest
    from gateway.control.experiments.traffic_history import TrafficHistory

UNDECIDABLE = 3
"""The exit code if a metric cannot be decided within the allowed weeks."""


@click.group()
def command() -> None:
    """Plan experiments, show their states, and change them.

    \b
    Examples:  fairtrial experiment plan tuned-vs-base --baseline 62% --per-week 4000
               fairtrial experiment kill tuned-vs-base --why "answers in French"
    """


@command.command()
@click.argument("name")
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="[METRIC=]LEVEL",
    help="The control's value today, such as 62% or 1.8. Without METRIC= it applies to the primary metric.",
)
@click.option(
    "--sd",
    "spreads",
    multiple=True,
    metavar="[METRIC=]SD",
    help="The standard deviation, across units, of a numeric metric.",
)
@click.option(
    "--response",
    "responses",
    multiple=True,
    metavar="[METRIC=]SHARE",
    help="The share of units that give the feedback, such as 97%; --per-week then counts all units.",
)
@click.option("--per-week", type=NumberOption(1, 1e10), help="New units per week in the experiment, all arms together.")
@click.option(
    "--power",
    default=80.0,
    show_default=True,
    type=NumberOption(50, 99),
    help="Power in percent, for all metrics together.",
)
@click.option(
    "--mode",
    type=click.Choice(["monitor", "planned", "fixed"]),
    help="How results are looked at: continuously, at planned looks, or once; default: as control will look.",
)
@click.option(
    "--weeks", type=click.IntRange(1, 52), help="The maximum duration in weeks; default: max_weeks in the project file."
)
@click.option(
    "--design-effect",
    default=1.0,
    show_default=True,
    type=NumberOption(1, 1000),
    help="The factor by which clustering of units inflates the sample.",
)
@click.option(
    "--gain",
    "gains",
    multiple=True,
    metavar="SOURCE=GAIN",
    help="What the candidate gains by a source such as shadow.on_topic, as 10%; --sd has the deviation of differences.",
)
@click.option("--lower", multiple=True, metavar="METRIC", help="A feedback metric where lower is better; repeatable.")
@CONFIG
@JSON
def plan(name: str, config: Path, as_json: bool, **options: Any) -> int:
    """Plan the experiment NAME.

    It prints the units, whole weeks and power that each metric needs. Without --baseline or --per-week, the control's
    rates and the new units a week come from the last 14 days of its traffic. The treatment's results are not read.

    The table compares continuous monitoring (always-valid), weekly planned looks (O'Brien-Fleming) and one look at the
    end. The exit code is 0 if a candidate as good as planned ships within the allowed weeks with the wanted power.
    Otherwise it is 3, and the output says first what still decides, each change planned in the same way.

    \b
    Examples:  fairtrial experiment plan tuned-vs-base --baseline 62% --per-week 4000
               fairtrial experiment plan tuned-vs-base --baseline 62% --per-week 4000 --mode planned --json
    """
    from rich.console import Console

    from fairtrial.config.plan.price_book import unpriced
    from fairtrial.experiments.analysis.freeze import shared_engine
    from fairtrial.stats.planning.trial import PlannedTrial
    from fairtrial_cli.output.experiment_plan import plan_json, print_plan
    from gateway.control.experiments.plan_experiment import plan_experiment

    project = project_of(config)
    experiment = experiment_of(project, name)
    for metric, why in unpriced(project.plan, experiment).items():
        raise UsageError(f"{name}: {metric} can't be decided: {why}")
    request = replace(_request(experiment, **options), scorers=_scorers(project, name))
    history = partial(_recent_traffic, project, experiment, weeks=request.terms.weeks)
    shared = shared_engine(project.plan, experiment)
    experiment_plan = plan_experiment(experiment, request, history, shared_engine=shared)
    print_indented(plan_json(name, experiment_plan)) if as_json else print_plan(Console(), name, experiment_plan)
    decided = isinstance(experiment_plan.result, PlannedTrial) or experiment_plan.decides_by_sources
    return 0 if decided else UNDECIDABLE


def _scorers(project: Project, experiment: str) -> list[str]:
    """The scorers of the experiment's routes; raises `UsageError`."""
    routes = [name for name, route in project.plan.routes.items() if route.experiment == experiment]
    entries = [entry for name in routes for entry in project.route_scorers.get(name, ())]
    if not entries:
        return []
    from gateway.control.shadow_scores import built_scorers

    return [scorer.name for scorer in built_scorers(entries, project.root)]


def _ask_models(config: Path, name: str) -> None:
    from fairtrial_cli.ask_models import ask_variants

    ask_variants(config, name)


add_state_commands(command, _ask_models)


def _request(
    experiment: Experiment,
    *,
    baselines: Sequence[str],
    spreads: Sequence[str],
    gains: Sequence[str],
    responses: Sequence[str],
    per_week: float | None,
    power: float,
    mode: Mode | None,
    weeks: int | None,
    design_effect: float,
    lower: Sequence[str],
) -> PlanRequest:
    from fairtrial.experiments.analysis.freeze import way_to_look
    from fairtrial.stats.planning.question import Terms
    from gateway.control.experiments.experiment_questions import parse_levels
    from gateway.control.experiments.plan_experiment import PlanRequest

    primary = experiment.primary.metric if experiment.primary else ""
    return PlanRequest(
        levels=parse_levels(baselines, primary),
        spreads=parse_levels(spreads, primary),
        gains=parse_levels(gains, primary),
        lower=lower,
        responses=_responses(responses, primary),
        per_week=per_week,
        terms=Terms(
            weeks=weeks or experiment.max_weeks,
            power=power / 100,
            mode=mode or way_to_look(experiment),
            inflation=design_effect,
        ),
    )


def _recent_traffic(project: Project, experiment: Experiment, *, weeks: int) -> TrafficHistory:
    """The last 14 days of the experiment's traffic, or nothing if there is no store yet."""
    from fairtrial.api import traffic
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial_cli.store_client.client import open_store
    from gateway.control.experiments.traffic_history import NO_HISTORY, summarise_traffic

    if not project.layout.store.exists():
        return NO_HISTORY
    now_us = time.time_ns() // 1000
    history_request = _amounts(project, experiment)
    with open_store(project.layout) as store:
        store.call(ingest, Nothing())
        fortnight, week = (
            store.call(traffic.by_experiment, traffic.ExperimentTraffic(experiment=experiment.name, since_us=since_us))
            for since_us in (now_us - 2 * WEEK_US, now_us - WEEK_US)
        )
        amounts = store.call(traffic.amounts, history_request) if history_request.metric else []
    return replace(summarise_traffic(experiment, fortnight, week, weeks=weeks), amounts=amounts)


def _amounts(project: Project, experiment: Experiment) -> traffic.AmountsBefore:
    """Whose earlier requests count for an experiment, and its costs and tokens; only users are known from before."""
    from fairtrial.api import traffic
    from fairtrial.experiments.analysis.freeze import metric_plans

    route = next((name for name, declared in project.plan.routes.items() if declared.experiment == experiment.name), "")
    deployment = experiment.variant(experiment.control).deployment
    plans = metric_plans(experiment) if experiment.unit == "user" else ()
    amounts = {plan.metric for plan in plans if plan.method == "amount"}
    return traffic.AmountsBefore(
        experiment=experiment.name,
        control=experiment.control,
        route=route,
        deployment=deployment,
        metric=tuple(metric for metric in traffic.AMOUNTS if metric in amounts),
    )


def _responses(texts: Sequence[str], primary: str) -> dict[str, float]:
    from gateway.control.experiments.experiment_questions import parse_levels

    shares = parse_levels(texts, primary)
    for metric, share in shares.items():
        if not 0 < share <= 1:
            raise UsageError(f"{metric}: a share of units with feedback is above 0% and at most 100%, not {share:g}")
    return shares

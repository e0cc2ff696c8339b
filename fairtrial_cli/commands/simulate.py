"""The command `fairtrial simulate`, which shows how often an experiment's own plan would decide rightly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import CONFIG, JSON, NumberOption, experiment_of, print_indented, project_of

if TYPE_CHECKING:
    from fairtrial.domain.plan import Experiment
    from fairtrial.experiments.simulation.scenario import Scenario, ScenarioAssumptions, Summary

RUNS_A_PROCESS = 20
"""Fewer runs are not worth another process."""


@click.command()
@click.argument("name")
@click.option(
    "--per-week", type=NumberOption(1, 1e10), required=True, help="New units per week in the experiment, all arms."
)
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="[METRIC=]LEVEL",
    help="The control's value today, such as 62% or 1.8. Without METRIC= it applies to the primary metric.",
)
@click.option("--effect", metavar="CHANGE", help="The candidate's effect on the primary metric, as +10pp, -3pp or -5%.")
@click.option("--response", default="100%", show_default=True, metavar="SHARE", help="The share that gives feedback.")
@click.option("--errors", metavar="BASE,TUNED", help="Failed requests of the control and the candidate, as 1%,5%.")
@click.option("--late", multiple=True, metavar="[ARM=]DAYS", help="The mean delay of feedback; repeatable.")
@click.option(
    "--missing",
    multiple=True,
    metavar="ARM=POINTS",
    help="How many points fewer units of an arm give feedback, those who would say no first; repeatable.",
)
@click.option(
    "--requests", default=1, show_default=True, type=click.IntRange(1, 1000), help="The most requests of a unit."
)
@click.option("--runs", default=200, show_default=True, type=click.IntRange(2, 100_000), help="Simulated trials each.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed repeats the result.")
@CONFIG
@JSON
def command(name: str, config: Path, runs: int, seed: int, as_json: bool, **options: Any) -> None:
    """Simulate the plan of the experiment NAME.

    It shows how often the plan ships a good model, and how often a bad one. Simulated users go through the real
    assignment, analysis, monitor and stages. Approvals are given at once. Without --effect, four candidates are
    simulated: better by the smallest effect of the plan, equal, worse by it, and equal with five times the errors. A
    candidate ships as soon as its primary metric and all guardrails allow it. The simulated monitor looks every 12
    hours and at every first error of a unit.

    \b
    Examples:  fairtrial simulate tuned-vs-base --baseline 62% --per-week 4000
               fairtrial simulate tuned-vs-base --baseline 62% --per-week 4000 --effect -3pp --response 40%
    """
    from rich.console import Console

    from fairtrial.experiments.simulation.scenario import scenarios
    from fairtrial_cli.output.experiment_plan import print_simulation

    project = project_of(config)
    experiment = experiment_of(project, name)
    assumed = scenarios(project.plan, experiment, _assumptions(experiment, **options))
    guardrails = [guardrail.metric for guardrail in experiment.watched]
    results = _simulated(assumed, guardrails, runs=runs, seed=seed)
    if as_json:
        rows = [{"candidate": each.name, "truth": each.truth, **asdict(summary)} for each, summary in results]
        print_indented({"experiment": name, "runs": runs, "seed": seed, "scenarios": rows})
    else:
        print_simulation(Console(), name, results)


def _assumptions(
    experiment: Experiment,
    *,
    per_week: float,
    baselines: Sequence[str],
    effect: str | None,
    response: str,
    errors: str | None,
    late: Sequence[str],
    missing: Sequence[str],
    requests: int,
) -> ScenarioAssumptions:
    from fairtrial.experiments.simulation.scenario import ScenarioAssumptions
    from gateway.control.experiments.experiment_questions import parse_levels

    primary = experiment.primary.metric if experiment.primary else ""
    share = _share(response, "--response")
    if share == 0:
        raise UsageError("--response: without feedback there is nothing to simulate")
    return ScenarioAssumptions(
        per_week=per_week,
        levels=parse_levels(baselines, primary),
        response=share,
        errors=_errors(errors) if errors else None,
        late_days={arm: _number(text, "--late") for arm, text in _by_arm(late, "--late").items()},
        silent={
            arm: _number(text.removesuffix("pp"), "--missing") / 100
            for arm, text in _by_arm(missing, "--missing", named=True).items()
        },
        most=requests,
        effect=effect,
    )


def _simulated(
    scenarios: Sequence[Scenario], guardrails: Sequence[str], *, runs: int, seed: int
) -> list[tuple[Scenario, Summary]]:
    from fairtrial.experiments.simulation.scenario import run_trials, summarise
    from fairtrial_cli.output.terminal import count_progress

    processes = min(os.cpu_count() or 1, max(1, runs // RUNS_A_PROCESS))
    with count_progress("simulating", total=runs * len(scenarios)) as one_more:
        drawn = (
            run_trials(scenario.setting, runs=runs, seed=seed, processes=processes, on_done=one_more)
            for scenario in scenarios
        )
        return [
            (scenario, summarise(outcomes, guardrails)) for scenario, outcomes in zip(scenarios, drawn, strict=True)
        ]


def _errors(text: str) -> tuple[float, float]:
    parts = text.split(",")
    if len(parts) != 2:
        raise UsageError(f"--errors: {text!r} must be two shares, such as 1%,5%")
    return _share(parts[0], "--errors"), _share(parts[1], "--errors")


def _share(text: str, option: str) -> float:
    from gateway.control.experiments.experiment_questions import parse_level

    share = parse_level(text.strip(), option)
    if not 0 <= share <= 1:
        raise UsageError(f"{option}: {text!r} is not a share (write it as 1% or 0.01)")
    return share


def _by_arm(texts: Sequence[str], option: str, *, named: bool = False) -> dict[str, str]:
    by_arm: dict[str, str] = {}
    for text in texts:
        arm, equals, value = text.rpartition("=")
        if named and not (equals and arm):
            raise UsageError(f"{option}: {text!r} names no variant (write ARM=POINTS, such as tuned=10)")
        if arm in by_arm:
            raise UsageError(f"{option}: {arm or 'all arms'} is given more than once")
        by_arm[arm] = value
    return by_arm


def _number(text: str, option: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1000:
        raise UsageError(f"{option}: {text!r} is not a number of 0 or more")
    return number

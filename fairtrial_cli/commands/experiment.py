"""The command `fairtrial experiment`: plan a trial before it starts."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial.domain.plan import Experiment
    from fairtrial.stats.planning.question import Design
    from gateway.control.operations.plan_experiment import Known

UNDECIDABLE = 3


class Number(click.FloatRange):
    """A number in a range; what is no number lies in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"{value!r} is no number.", param, ctx)
        return found


@click.group()
def command() -> None:
    """Plan a trial before it starts: how long it takes, and whether it can decide anything.

    \b
    Example:  fairtrial experiment plan tuned-vs-base --baseline 62% --per-week 4000
    """


@command.command()
@click.argument("name")
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="[METRIC=]LEVEL",
    help="The control's level today, as 62% or 1.8; without METRIC of the primary one.",
)
@click.option(
    "--sd",
    "spreads",
    multiple=True,
    metavar="[METRIC=]SD",
    help="How much an amount varies from unit to unit: its standard deviation.",
)
@click.option("--per-week", type=Number(1, 1e10), help="New units a week in the experiment, all arms together.")
@click.option(
    "--power", default=80.0, show_default=True, type=Number(50, 99), help="Percent, for all metrics together."
)
@click.option(
    "--mode",
    default="monitor",
    show_default=True,
    type=click.Choice(["monitor", "planned", "fixed"]),
    help="How it will be looked at: all the time, at 10 planned looks, once.",
)
@click.option("--weeks", type=click.IntRange(1, 52), help="How long it may last; default: max_weeks of the file.")
@click.option(
    "--design-effect",
    default=1.0,
    show_default=True,
    type=Number(1, 1000),
    help="How much clusters of units inflate the sample.",
)
@click.option("--lower", multiple=True, metavar="METRIC", help="Less of this feedback is better; may be given again.")
@click.option(
    "-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path), help="The project."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(name: str, config: Path, as_json: bool, **wish: Any) -> int:
    """What the experiment NAME of the project takes: units, whole weeks and power, for each of its metrics.

    Without --baseline or --per-week they are read from the last 14 days of its traffic: new units a week, and the
    control's rates; of the treatment no result is looked at.

    The table compares watching all the time (always-valid), 10 planned looks (O'Brien-Fleming) and one look at the end.
    Exit code 0: all metrics of the plan can be decided in the weeks that it may last; 3: they can't, and what could be
    changed is listed, each change planned in the same way.

    \b
    Examples:  fairtrial experiment plan tuned-vs-base --baseline 62% --per-week 4000
               fairtrial experiment plan tuned-vs-base --baseline 62% --per-week 4000 --mode planned --json
    """
    from fairtrial.config.project import load_project
    from fairtrial.stats.planning.trial import PlannedTrial, plan_trial
    from fairtrial_cli.output.plan import as_json as json_of
    from fairtrial_cli.output.plan import print_plan
    from gateway.control.operations.plan_experiment import asked

    project = load_project(config, os.environ)
    experiment = _experiment(project, name)
    wish["weeks"] = wish["weeks"] or project.policies[name].max_weeks
    known, notes = _known(project, experiment, wish)
    questions = asked(experiment, known)
    design = _design(experiment, wish, notes)
    found = plan_trial(questions.questions, design)
    notes += [f"not planned: {one}" for one in questions.left_out]
    if as_json:
        _print_json(json_of(name, found, notes))
    else:
        from rich.console import Console

        print_plan(Console(), name, found, notes, unplanned=len(questions.left_out))
    return 0 if isinstance(found, PlannedTrial) else UNDECIDABLE


def _experiment(project: Project, name: str) -> Experiment:
    experiments = project.plan.experiments
    if name not in experiments:
        known = ", ".join(sorted(experiments)) or "the file has none"
        raise UsageError(f"{project.path.name}: there is no experiment {name!r} ({known})")
    return experiments[name]


def _known(project: Project, experiment: Experiment, wish: dict[str, Any]) -> tuple[Known, list[str]]:
    """What the options say, and where they don't say the most important things, what the store does."""
    from fairtrial_cli.plan_history import NOTHING, read_history
    from gateway.control.operations.plan_experiment import Known

    primary = experiment.primary.metric if experiment.primary else ""
    levels, spreads = _by_metric(wish["baselines"], primary), _by_metric(wish["spreads"], primary)
    past = NOTHING
    if primary and (wish["per_week"] is None or primary not in levels):
        past = read_history(project, experiment, now_us=time.time_ns() // 1000, weeks=wish["weeks"])
    metrics = {primary, *(one.metric for one in experiment.guardrails)} - {*levels, *spreads}
    seen = {metric: rate for metric, rate in past.levels.items() if metric in metrics}
    notes = list(past.notes(per_week=wish["per_week"] is None, levels=seen))
    wish["per_week"] = wish["per_week"] or past.per_week
    return Known(seen | levels, spreads, wish["lower"]), notes


def _by_metric(texts: Sequence[str], primary: str) -> dict[str, float]:
    """``METRIC=LEVEL`` by metric; without a metric of the primary one."""
    from gateway.control.operations.plan_experiment import level

    found: dict[str, float] = {}
    for text in texts:
        metric, equals, value = text.rpartition("=")
        if equals and not metric:
            raise UsageError(f"{text!r} names no metric (say it without the = for the primary one)")
        metric = metric if equals else primary
        if metric in found:
            raise UsageError(f"{metric}: is given twice")
        found[metric] = level(value, metric)
    return found


def _design(experiment: Experiment, wish: dict[str, Any], notes: list[str]) -> Design:
    """The design of the two arms that are compared; adds what a reader must know of it."""
    from fairtrial.stats.planning.question import Design
    from gateway.control.operations.plan_experiment import arms

    if wish["per_week"] is None:
        raise UsageError(f"{experiment.name}: how many new units does it get in a week? --per-week 4000")
    share, part, treatments = arms(experiment)
    if treatments > 1:
        notes.append(
            f"{treatments} treatments: planned for the one with the fewest units, at 5 % / {treatments} (Holm)"
        )
    if experiment.stage < 100:
        notes.append(
            f"the stage in force enrolls {experiment.stage:g} % of the units: --per-week counts those enrolled"
        )
    return Design(
        per_week=wish["per_week"] * part,
        share=share,
        mode=wish["mode"],
        alpha=0.05 / treatments,
        power=wish["power"] / 100,
        weeks=wish["weeks"],
        inflation=wish["design_effect"],
    )


def _print_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))

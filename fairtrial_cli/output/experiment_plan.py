"""Prints the plan of an experiment: designs, their meaning, possible changes, and how simulated trials end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import ceil
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from fairtrial.domain.wording import counted
from fairtrial.stats.planning.proposals import Option
from fairtrial.stats.planning.question import Design
from fairtrial.stats.planning.trial import PlannedMetric, PlannedTrial, Proposal, Undecidable, false_stop, held
from fairtrial.stats.sizes import size_of_pairs
from fairtrial_cli.output.terminal import columns, print_table
from gateway.control.experiments.experiment_questions import describe_question, format_difference
from gateway.control.experiments.plan_experiment import ExperimentPlan

if TYPE_CHECKING:
    from fairtrial.experiments.simulation.scenario import Scenario, Share, Summary

    Results = Sequence[tuple[Scenario, Summary]]

WON = 0.6
"""The share of comparisons that a clearly better model wins."""
SELDOM = 0.005
"""What is not worth a sentence."""
WATCHED = ("shares of units", "conversion e-process", "normal mixture")
MODES = {"monitor": "continuous", "planned": "planned looks", "fixed": "one look"}
SHIPS, STOPPED = "ships", "stopped"
ENDS = {
    SHIPS: "ships",
    STOPPED: "stopped for harm",
    "worse": "ends: called worse",
    "better": "ends: good, but a guardrail is not proven safe",
    "undecided": "ends undecided",
}


def print_plan(console: Console, name: str, plan: ExperimentPlan) -> None:
    """Print a table for each metric, then its meaning in sentences and the notes."""
    result = plan.result
    design, many = result.design, len(result.metrics)
    each = f" ({result.metrics[0].power:.0%} for each of {many} metrics)" if many > 1 else ""
    title = f"{name}: {design.per_week:,.0f} units a week, {design.power:.0%} power{each}"
    console.print(escape(title), style="bold", highlight=False)
    for line in _still_decides(result) if isinstance(result, Undecidable) and not plan.decides_by_sources else ():
        console.print(line, highlight=False)
    for line in plan.sources.lines() if plan.sources is not None else ():
        console.print(escape(line), highlight=False)
    for metric in result.metrics:
        _print_table(console, metric, design)
    for line in _meaning(plan):
        console.print(line, highlight=False)
    for note in plan.notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}", highlight=False, soft_wrap=True)


def plan_json(name: str, plan: ExperimentPlan) -> dict[str, Any]:
    """The plan for a program."""
    result = plan.result
    decidable = isinstance(result, PlannedTrial)
    fields: dict[str, Any] = {"experiment": name, "decidable": decidable, "notes": list(plan.notes)}
    if plan.sources is not None:
        fields |= {"decidable": decidable or plan.decides_by_sources, "sources": asdict(plan.sources)}
    if isinstance(result, PlannedTrial):
        return fields | _trial_json(result)
    return fields | {
        "reason": result.reason,
        "ships": result.ships,
        "design": asdict(result.design),
        "metrics": [asdict(metric_plan) for metric_plan in result.metrics],
        "proposals": [{"change": proposal.change, **_trial_json(proposal.trial)} for proposal in result.proposals],
        "pairs": [{"metric": metric, "pairs": pairs} for metric, pairs in result.pairs],
    }


def _trial_json(trial: PlannedTrial) -> dict[str, Any]:
    metrics = [asdict(metric) for metric in trial.metrics]
    return {"design": asdict(trial.design), "weeks": trial.weeks, "ships": trial.ships(), "metrics": metrics}


def _print_table(console: Console, plan: PlannedMetric, design: Design) -> None:
    console.print(Text(f"\n{plan.question.metric}: {describe_question(plan.question)}"))
    numbers = ("units", "weeks", "power", "mean stop")
    rows = [
        [Text(cell, style="bold" if option.mode == design.mode else "dim") for cell in _row(option, design)]
        for option in plan.others or (plan.chosen,)
    ]
    print_table(console, columns("looks", *numbers, "decided by", numbers=numbers), rows)


def _row(option: Option, design: Design) -> tuple[str, ...]:
    units = "–" if option.units is None else f"{option.units:,.0f}"
    weeks = "–" if option.weeks is None else f"{option.weeks:,}"
    stop = f"{option.mean_stop:,.0f} units" if option.fits(design) else "–"
    return (
        MODES["monitor" if option.rule in WATCHED else option.mode],
        units,
        weeks,
        f"{option.power:.0%}",
        stop,
        option.rule,
    )


def _meaning(plan: ExperimentPlan) -> Iterator[str]:
    """Whether and when the experiment can decide, and what an undecided end still shows."""
    result, unplanned = plan.result, len(plan.left_out)
    design, first = result.design, result.metrics[0]
    if isinstance(result, Undecidable):
        yield ""
    else:
        rest = f", except for {unplanned} metric{'s' if unplanned > 1 else ''} without a plan" if unplanned else ""
        time = f"{_weeks(result.weeks)} of the {design.weeks} that are allowed"
        yield f"\n[green]It can be decided[/green] in {time}{rest}."
        if any((metric.chosen.weeks or 0) > result.weeks for metric in result.metrics):
            yield (
                f"The tables' weeks give each metric alone {first.power:.0%} power. These {_weeks(result.weeks)} give "
                f"all metrics together {design.power:.0%}."
            )
        yield from _ships(result, unplanned)
        if first.chosen.exaggeration is not None and first.question.kind == "superior":
            times = f"{first.chosen.exaggeration:.1f} times the true one"
            yield f"When a trial stops early, its observed effect is on average {times}; use the interval instead."
    losses = [
        f"{format_difference(metric.question, metric.chosen.excluded)} worse on {escape(metric.question.metric)}"
        for metric in result.metrics
        if metric.chosen.excluded is not None
    ]
    if losses:
        yield f"If it ends undecided and shows no difference, this is excluded: more than {', '.join(losses)}."


def _ships(trial: PlannedTrial, unplanned: int) -> Iterator[str]:
    """How likely a candidate ships that is as good as planned, with an effect that stays."""
    design, stops = trial.design, false_stop(trial.metrics)
    by, end = (trial.ships(week) for week in (trial.weeks, design.weeks))
    left_out = f", if {counted(unplanned, 'metric')} without a plan {'is' if unplanned == 1 else 'are'} left out"
    within = f"{_weeks(trial.weeks)} with a probability of at least {by:.0%}{left_out if unplanned else ''}"
    yield f"A candidate as good as planned ships within {within}."
    if design.weeks > trial.weeks and end > by:
        yield f"Within {_weeks(design.weeks)} the probability is at least {end:.0%}."
    if stops:
        yield f"This allows for a false pause, whose probability is at most {stops:.0%}."
    if (fades := held(trial.metrics[0], design, trial.weeks - 1)) >= SELDOM:
        seems = f"{fades:.0%} after {_weeks(trial.weeks)}"
        yield f"It also allows for an effect that seems to fade by chance: {seems}."


def _still_decides(result: Undecidable) -> Iterator[str]:
    """Why it can't be decided, and first of all what can be with this traffic."""
    yield f"\n[red]It can't be decided[/red]: {escape(result.reason)}."
    if all(plan.question.can_be_shown for plan in result.metrics):
        within, ships = _weeks(result.design.weeks), f"{result.ships:.0%}; {result.design.power:.0%} is wanted"
        yield f"A candidate as good as planned ships within {within} with a probability of {ships}."
    yield "What still decides:"
    for proposal in result.proposals:
        yield f"  - {escape(proposal.change)} ({_how_long(proposal)})"
    if not result.proposals:
        yield "  - with users, nothing: no tested change of split, looks, weeks, effect or margin would do"
    for metric, pairs in result.pairs:
        yield f"  - offline, {pairs:,} pairs of answers to the same requests decide {escape(metric)}"
    votes = ceil(size_of_pairs(1.0, 2 * WON - 1))
    yield f"  - people: {votes:,} blind comparisons of pairs, if the better model wins {WON:.0%} of them"
    yield "  - offline evaluation: `fairtrial gate` on a suite"


def _how_long(proposal: Proposal) -> str:
    power = min(metric.chosen.power for metric in proposal.trial.metrics)
    return f"{_weeks(proposal.trial.weeks)}, power {power:.0%}"


def _weeks(weeks: int) -> str:
    return f"{weeks} week{'s' if weeks != 1 else ''}"


def print_simulation(console: Console, name: str, results: Results) -> None:
    """Print one table, with a column for each candidate, and its meaning in sentences."""
    runs = results[0][1].runs
    console.print(Text(f"{name}: {runs:,} trials each", style="bold"))
    names = [scenario.name for scenario, _ in results]
    print_table(console, columns("the candidate is", *names, numbers=names), list(_rows(results)))
    console.print()
    for line in _meaning_simulation(results):
        console.print(line, highlight=False)
    console.print("± is one standard error. Days and units of an arm are medians.", style="dim")


def _rows(results: Results) -> Iterator[tuple[str, ...]]:
    for end, words in ENDS.items():
        yield words, *(_percent(summary.ends[end]) for _, summary in results)
    yield "primary metric decided for it", *(_percent(summary.decided) for _, summary in results)
    for guardrail in results[0][1].safe:
        yield f"{guardrail} proven safe", *(_percent(summary.safe[guardrail]) for _, summary in results)
    yield "split called wrong, though right", *(_percent(summary.invalid) for _, summary in results)
    yield "days until it ships", *(_days(summary.ends[SHIPS]) for _, summary in results)
    yield "days until it is stopped", *(_days(summary.ends[STOPPED]) for _, summary in results)


def _meaning_simulation(results: Results) -> Iterator[str]:
    for scenario, summary in results:
        ships, stopped = summary.ends[SHIPS], summary.ends[STOPPED]
        who = escape(f"One {scenario.name}" if scenario.moved else f"A candidate with {scenario.name}")
        if scenario.truth == "worse":
            yield f"{who}: this plan ships it in {_percent(ships)} of the trials, and stops it in {_percent(stopped)}."
        else:
            wrongly = f"wrongly stops it in {_percent(stopped)}"
            yield f"{who}: this plan ships it in {_percent(ships)} of the trials, and {wrongly}."


def _percent(share: Share) -> str:
    return f"{100 * share.share:.1f} % ± {100 * share.error:.1f}"


def _days(share: Share) -> str:
    if share.days is None or share.units is None:
        return "–"
    return f"{share.days:.1f} ({share.units:,.0f} units)"

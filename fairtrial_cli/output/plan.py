"""What `fairtrial experiment plan` prints: a table of the ways to look, what they mean, and what could be changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fairtrial.stats.planning.options import Option
from fairtrial.stats.planning.question import Design
from fairtrial.stats.planning.trial import MetricPlan, PlannedTrial, Proposal, Undecidable
from gateway.control.operations.plan_experiment import amount, planned_question

MODES = {"monitor": "watched", "planned": "10 planned looks", "fixed": "one look"}


def print_plan(
    console: Console, name: str, found: PlannedTrial | Undecidable, notes: Sequence[str], *, unplanned: int = 0
) -> None:
    """A table for each metric, then what they mean in sentences; ``unplanned``: metrics that the notes leave out."""
    design, many = found.design, len(found.metrics)
    each = f" ({found.metrics[0].power:.0%} for each of {many} metrics)" if many > 1 else ""
    title = f"{name}: {design.per_week:,.0f} units a week, {design.power:.0%} power{each}"
    console.print(escape(title), style="bold", highlight=False)
    for one in found.metrics:
        console.print(_table(one, design))
    for line in (*_meaning(found, unplanned), *_what_else(found)):
        console.print(line, highlight=False)
    for note in notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}", highlight=False, soft_wrap=True)


def as_json(name: str, found: PlannedTrial | Undecidable, notes: Sequence[str]) -> dict[str, Any]:
    """The plan for a program."""
    decidable = isinstance(found, PlannedTrial)
    told: dict[str, Any] = {"experiment": name, "decidable": decidable, "notes": list(notes)}
    if isinstance(found, PlannedTrial):
        return told | _trial_json(found)
    return told | {
        "reason": found.reason,
        "design": asdict(found.design),
        "metrics": [asdict(one) for one in found.metrics],
        "proposals": [{"change": one.change, **_trial_json(one.trial)} for one in found.proposals],
        "pairs": [{"metric": metric, "pairs": pairs} for metric, pairs in found.pairs],
    }


def _trial_json(trial: PlannedTrial) -> dict[str, Any]:
    metrics = [asdict(one) for one in trial.metrics]
    return {"design": asdict(trial.design), "weeks": trial.weeks, "metrics": metrics}


def _table(one: MetricPlan, design: Design) -> Table:
    title = f"\n{one.question.metric}: {planned_question(one.question)}"
    table = Table(title=escape(title), title_justify="left", title_style="", box=None)
    for head in ("looks", "decided by"):
        table.add_column(head, no_wrap=True)
    for head in ("units", "weeks", "power", "mean end"):
        table.add_column(head, justify="right")
    for option in one.others:
        table.add_row(*_row(option, design), style="bold" if option.mode == design.mode else "dim")
    return table


def _row(option: Option, design: Design) -> tuple[str, ...]:
    units = "–" if option.units is None else f"{option.units:,.0f}"
    weeks = "–" if option.weeks is None else f"{option.weeks:,}"
    stop = f"{option.mean_stop:,.0f} units" if option.fits(design) else "–"
    return MODES[option.mode], option.rule, units, weeks, f"{option.power:.0%}", stop


def _meaning(found: PlannedTrial | Undecidable, unplanned: int) -> Iterator[str]:
    """What a reader must know before starting."""
    design, first = found.design, found.metrics[0]
    if isinstance(found, Undecidable):
        yield f"\n[red]It can't be decided[/red]: {escape(found.reason)}."
    else:
        but = f", but for {unplanned} metric{'s' if unplanned > 1 else ''} without a plan" if unplanned else ""
        time = f"{_weeks(found.weeks)} of the {design.weeks} that it may last"
        yield f"\n[green]It can be decided[/green] in {time}{but}."
        if first.chosen.exaggeration is not None and first.question.kind == "superior":
            times = f"{first.chosen.exaggeration:.1f} times the true one"
            yield f"Trials that stop for the effect show {times} on average: take its size from the interval."
    losses = [
        f"{escape(one.question.metric)} at most {amount(one.question, one.chosen.excluded)} worse"
        for one in found.metrics
        if one.chosen.excluded is not None
    ]
    if losses:
        yield f"If it ends undecided and no difference was seen, this much is known: {', '.join(losses)}."


def _what_else(found: PlannedTrial | Undecidable) -> Iterator[str]:
    if isinstance(found, PlannedTrial):
        return
    for metric, pairs in found.pairs:
        yield f"Without users: {pairs:,} pairs of answers to the same requests decide {escape(metric)}."
    if not found.proposals:
        yield "No change of split, looks, weeks or effect that is tried here would decide it: it needs more traffic."
        return
    yield "What can be decided instead:"
    for proposal in found.proposals:
        yield f"  - {escape(proposal.change)} ({_how_long(proposal)})"


def _how_long(proposal: Proposal) -> str:
    power = min(one.chosen.power for one in proposal.trial.metrics)
    return f"{_weeks(proposal.trial.weeks)}, power {power:.0%}"


def _weeks(weeks: int) -> str:
    return f"{weeks} week{'s' if weeks != 1 else ''}"

"""Defines the commands of `fairtrial experiment` that show its state and decision, or change its state."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial_cli.options import CONFIG, JSON, WHY, print_json

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from fairtrial.api.experiment_answers import ExperimentStatus
    from fairtrial.domain.settings import PersonsAction
    from fairtrial_cli.store_client.client import StoreClient


STORE = click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="The store's file, needed only if the project file can't be read and does not use the default.",
)
CHANGES: dict[PersonsAction, tuple[str, str, str]] = {
    "start": (
        "Start an experiment that waits for it (enroll: start: manual).",
        "The start freezes its analysis plan.",
        "the support team is ready",
    ),
    "approve": (
        "Approve the next stage that needs it.",
        "Control raises the stage as soon as its other conditions hold. The page of the experiment shows what the "
        "stage waits for. With --unit it accepts a unit instead.",
        "tone checked on 40 answers",
    ),
    "amend": (
        "Accept the project file as the new plan of an experiment.",
        "Otherwise the plan of a running experiment stays frozen. If the new plan changes what decides, only units "
        "that are first seen afterwards count, as a new attempt. Every later report shows the amendment.",
        "a smaller effect matters too",
    ),
    "pause": (
        "Serve the control to everyone; units of this time are not counted.",
        "Continue with: fairtrial experiment resume.",
        "the base model is being moved",
    ),
    "resume": (
        "Continue a paused experiment with the same units.",
        "Every unit keeps its variant, and its window goes on. After a pause for a decline, it prints the decline that "
        "it accepts. If the plain 95 % interval lies beyond what stops the experiment for good, it needs --accept. "
        "What was accepted stays an alarm. Evidence is kept, so proven harm still stops the experiment.",
        "the move is done",
    ),
    "rearm": (
        "Start a stopped experiment again, as a new segment with new units.",
        "Units are assigned anew, and those of earlier segments are not counted. The project file must be valid.",
        "the language is fixed",
    ),
    "end": (
        "End an experiment for good: its route serves the control.",
        "While a control is kept after a promotion, the promoted variant serves everyone instead. Nothing can start "
        "it again. A new experiment needs a new name.",
        "the question is answered",
    ),
    "withdraw": (
        "Withdraw what attempts of the experiment have proven.",
        "Its stop or roll-back is withdrawn too. Admins only. The reason stands beside the proof in later verdicts.",
        "the harm came from a broken proxy, not from the model",
    ),
    "archive": (
        "Hide an ended experiment from lists.",
        "Its result, plan and looks stay readable under its name. The project file need not have it any more.",
        "the quarter is over",
    ),
    "rollback": (
        "Undo a promotion, or end an experiment without one.",
        "The route then serves the control. It works while the project file is invalid. Nothing can start the "
        "experiment again.",
        "complaints about the tone",
    ),
}


def add_state_commands(group: click.Group, before_start: Callable[[Path, str], None]) -> None:
    """Add list, status and one command for each change. ``before_start`` gets the project file and the name."""
    group.add_command(list_)
    group.add_command(status)
    for action, (summary, more, why) in CHANGES.items():
        example = f'fairtrial experiment {action} tuned-vs-base --why "{why}"'
        text = f"{summary}\n\n{more} The gateway's workers follow within a second.\n\n\b\nExample:  {example}"
        group.command(action, help=text)(_change_command(action, before_start))
    group.add_command(kill)
    group.add_command(promote)


@click.command("list")
@CONFIG
@STORE
@JSON
@click.option("--all", "all_", is_flag=True, help="Also list ended experiments that the project file no longer has.")
def list_(config: Path, store: Path | None, as_json: bool, all_: bool) -> None:
    """List the experiments of the project file with their states.

    Archived ones are hidden.

    \b
    Example:  fairtrial experiment list --all
    """
    from fairtrial.api import experiments
    from fairtrial_cli.output.experiment_state import print_states

    with _open(config, store) as opened:
        rows = opened.call(experiments.states, experiments.ListStates(everything=all_))
    if as_json:
        return print_json(rows)
    if not rows:
        return click.echo(f"no experiments yet; declare one in {config.name} under experiments")
    return print_states(rows)


@click.command()
@click.argument("name")
@CONFIG
@STORE
@JSON
def status(name: str, config: Path, store: Path | None, as_json: bool) -> None:
    """Show the state of the experiment NAME.

    It prints what the experiment has shown and decided, and its transitions, newest first.

    \b
    Example:  fairtrial experiment status tuned-vs-base
    """
    from msgspec import to_builtins

    from fairtrial.api import experiments
    from fairtrial_cli.output.experiment_state import decision_lines, error_lines

    with _open(config, store) as opened:
        state = opened.call(experiments.state, experiments.NameExperiment(name=name))
        rows = opened.call(experiments.transitions, experiments.TransitionsOf(name=name))
        decision = opened.call(experiments.decision, experiments.DecisionOf(name=name))
        errors = opened.call(experiments.errors, experiments.FiguresOf(name=name, since_us=0))
    if as_json:
        return print_json(to_builtins(state) | {"decision": decision, "errors": errors, "transitions": rows})
    for line in (*decision_lines(decision), *error_lines(errors)):
        click.echo(line)
    _print_edit(state)
    for row in rows:
        segment = f" (segment {row.segment})" if row.action == "rearm" else ""
        segment += f" ({row.stage:g} %)" if row.stage is not None else ""
        click.echo(f"  {row.at_time:%Y-%m-%dT%H:%M:%S}  {row.action:<7} by {row.actor}: {row.why}{segment}")
    return None


@click.command()
@click.argument("name")
@WHY
@CONFIG
@STORE
@JSON
@click.option("--emergency", is_flag=True, help="Ask neither control nor the store: write the file that workers read.")
def kill(name: str, why: str, config: Path, store: Path | None, as_json: bool, *, emergency: bool) -> None:
    """Stop an experiment at once: all traffic goes to the control.

    It works while the project file is invalid, control doesn't answer, the store is damaged or the disk is full. The
    command then writes a file beside the published configuration, and control records the stop later. The gateway's
    workers follow within a second. To start the experiment again: fairtrial experiment rearm.

    \b
    Example:  fairtrial experiment kill tuned-vs-base --why "answers in French"
    """
    from fairtrial_cli.emergency_kill import kill_experiment
    from fairtrial_cli.store_client.client import find_layout

    layout = find_layout(config, os.environ, store=store)
    state = kill_experiment(layout, config, name, why, emergency=emergency)
    if as_json:
        return print_json(state)
    _print_state(state)
    for line in (state.cause, *(state.notes or ())) if state.cause else ():
        click.echo(f"  {line}")
    return None


def _change_command(action: PersonsAction, before_start: Callable[[Path, str], None]) -> Callable[..., None]:
    accept = click.option(
        "--accept",
        multiple=True,
        metavar="[METRIC=]AMOUNT",
        help="The decline that you accept, 25pp or 30% of the control's level; repeatable.",
    )
    rules = click.option(
        "--rules", is_flag=True, help="Also adopt the rules of decision of this version, as a new attempt."
    )
    unit = click.option(
        "--unit",
        multiple=True,
        metavar="PSEUDONYM",
        help="Instead of a stage, accept a named unit that is behind a difference by request; repeatable. Admins only.",
    )

    @click.argument("name")
    @WHY
    @CONFIG
    @STORE
    @JSON
    def change(name: str, config: Path, store: Path | None, as_json: bool, **chosen: Any) -> None:
        from fairtrial.api import experiments

        request = experiments.ChangeExperiment(name=name, action=action, **chosen)
        if action == "start":
            before_start(config, name)
        with _open(config, store) as opened:
            state = opened.call(experiments.change, request)
        print_json(state) if as_json else _print_state(state)

    own = {"amend": rules, "resume": accept, "approve": unit}.get(action)
    return change if own is None else own(change)


@click.command()
@click.argument("name")
@WHY
@click.option("--variant", metavar="NAME", help="The variant to promote, needed only if there are several treatments.")
@click.option(
    "--override", is_flag=True, help="Promote although something is missing; the record says what. Admins only."
)
@click.option("--keep-control", metavar="5%", help="The share of the users that stays on the control, 1% to 50%.")
@click.option("--for", "keep_for", metavar="14d", help="How long the control stays, 1d to 90d.")
@CONFIG
@STORE
@JSON
def promote(name: str, config: Path, store: Path | None, as_json: bool, **options: Any) -> None:
    """End an experiment and serve its treatment to everyone.

    That lasts until the project file says the same. The gate must have decided before. The command prints the lines for
    the project file. The gateway's workers follow within a second. Undo it with: fairtrial experiment rollback.

    With --keep-control, a part of the control's users stays on the control for a time. The guardrails go on: harm
    beyond a margin rolls the promotion back, and a smaller decline is an alarm. It is refused if too few users come.

    \b
    Examples:  fairtrial experiment promote tuned-vs-base --why "SHIP, and the support team agrees"
               fairtrial experiment promote tuned-vs-base --keep-control 5% --for 14d --why "SHIP"
    """
    from fairtrial.api import experiments

    request = experiments.ChangeExperiment(name=name, action="promote", **options)
    with _open(config, store) as opened:
        state = opened.call(experiments.change, request)
    print_json(state) if as_json else _print_state(state)


def _open(config: Path, store: Path | None) -> AbstractContextManager[StoreClient]:
    """The store. Kills that are not recorded yet are named first, because control or the store may not answer."""
    from fairtrial_cli.emergency_kill import unrecorded_kills
    from fairtrial_cli.store_client.client import find_layout, open_store

    layout = find_layout(config, os.environ, store=store)
    for line in unrecorded_kills(layout):
        click.echo(line, err=True)
    return open_store(layout, config)


def _print_state(state: ExperimentStatus) -> None:
    click.echo(f"{state.name}: {state.sentence}")
    for line in state.accepted:
        click.echo(f"  {line}")
    control = state.kept_control
    for line in control.finds if control is not None and state.state == "running" else ():
        click.echo(f"  {line}")
    _print_edit(state)


def _print_edit(state: ExperimentStatus) -> None:
    edit = state.edit
    for line in (edit.note, *edit.lines) if edit is not None and edit.in_force else ():
        click.echo(f"  {line}")

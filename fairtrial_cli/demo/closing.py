"""Prints the end of the demo: a line for each verdict with its reasons, what to click, and what to type next."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from fairtrial_cli.dashboard_link import dashboard_link
from fairtrial_cli.demo.progress import minutes
from fairtrial_cli.demo.setting import REVIEWED
from fairtrial_cli.demo.sizes import ALL, Sizes
from fairtrial_cli.demo.story import table_lines
from fairtrial_cli.demo.trial import BASE, Trial
from fairtrial_cli.processes.services import Urls


def print_closing(trial: Trial, live: Sequence[str], urls: Urls | None, *, taken: Sizes, candidate: str) -> None:
    """Print verdicts, the live decision, and the next steps. ``urls``: of the services if they stay open."""
    progress = trial.progress
    progress.rule("What the customers decided")
    for line in live:
        progress.say(f"  {line}")
    progress.rule("May this fine-tune replace its base?")
    for line in table_lines(trial.judged):
        progress.say(line, markup=True)
    left_out = taken.fewer_than(ALL)
    if left_out:
        progress.say(f"This machine's speed allowed {', '.join(left_out)}.")
    progress.say(f"Everything above was computed in this run, in {minutes(progress.elapsed)} minutes.")
    for line in (*(_to_click(trial, urls) if urls is not None else ()), *_to_type(trial, candidate)):
        progress.say(line)


def _to_click(trial: Trial, urls: Urls) -> Iterator[str]:
    """The pages that tell the story; the first signs the browser in."""
    board = urls.dashboard
    shipped = next(entry.verdict for entry in trial.judged if entry.on == "release gate")
    start = dashboard_link(trial.project) or f"{board}/overview"
    yield ""
    yield "Click (the first link signs your browser in, once, within 15 minutes):"
    yield f"  the whole story    {start}"
    yield f"  why it may ship    {board}/gate?verdict={shipped.verdict_id}"
    yield f"  the live decision  {board}/experiment?experiment=tuned-vs-base"
    yield f"  judge blind        {board}/review"


def _to_type(trial: Trial, candidate: str) -> Iterator[str]:
    """The commands that continue the story, as typed from the current folder."""
    program = _from_here(Path(sys.executable).with_name("fairtrial"), otherwise="fairtrial")
    project = _from_here(trial.project.path, otherwise=str(trial.project.path))
    gate = _from_here(trial.folder / REVIEWED, otherwise=str(trial.folder / REVIEWED))
    shipped = next(entry.verdict for entry in trial.judged if entry.on == "release gate")
    yield ""
    yield "Type (in another terminal):"
    if shipped.decision == "SHIP":
        yield f"  {program} verdict approve {shipped.verdict_id} -c {project} --why 'the demo'"
    yield f"  {program} gate {gate} -c {project} --candidate {candidate} --baseline {BASE}"
    yield f"  {program} requests list -c {project}"


def _from_here(path: Path, *, otherwise: str) -> str:
    """The path relative to the current folder, if possible."""
    if not path.exists():
        return otherwise
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

"""Lets own scorers run: those in the project's `scorers.lock`, others after a question, none for a fork in CI."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import UsageError, printable

if TYPE_CHECKING:
    from evaluators.scoring.metrics.own import Own
    from evaluators.suite import Suite

LOCK = "scorers.lock"
HEAD = "# The programs that may score answers here. `fairtrial check SUITE --trust-scorers` adds those of a suite.\n"
LINE = re.compile(r"([0-9a-f]{64})  (.+)")
OFF = "it did not run, because own scorers are off"

OWN_SCORERS = click.option(
    "--own-scorers/--no-own-scorers",
    default=None,
    expose_value=False,
    callback=lambda context, _, run: context.meta.update({__name__: run}),
    help=f"Run the suites' own scorers that {LOCK} lists. Off in CI for a pull request of a fork.",
)


@dataclass(frozen=True, slots=True)
class ScorerProgram:
    """An own scorer of a suite; ``path`` is relative to the project where it can be."""

    suite: Path
    path: str
    scorer: Own

    @property
    def in_words(self) -> str:
        """The file with what identifies its text."""
        lines = self.scorer.file.text.count("\n")
        return f"{self.path} ({lines:,} lines, SHA-256 {self.scorer.sha256})"


def admit_scorers(config: Path, suites: Sequence[Suite]) -> None:
    """Let the own scorers run that the project trusts; raises `UsageError` for one that it doesn't.

    With a terminal it asks. Where the command's option `OWN_SCORERS` turns them off, each is a scorer error.
    """
    programs = programs_of(config, suites)
    if not programs:
        return
    from evaluators.scoring.own_scorer.fence import gaps

    names = ", ".join(sorted({program.path for program in programs}))
    run = click.get_current_context().meta.get(__name__)
    if not run and (run is not None or is_of_fork(os.environ)):
        for program in programs:
            program.scorer.process.refused = OFF
        click.echo(f"own scorers are off, so these programs do not run: {names}", err=True)
        return
    trusted = set(_locked(config).values())
    unknown = [program for program in programs if program.scorer.sha256 not in trusted]
    if unknown:
        _ask(config, unknown)
        _trust(config, unknown)
    if missing := gaps():
        text = f"{names}: this system does not keep a scorer from {', or from '.join(missing)}"
        click.echo(f"{text}; run what you have not read in a container without keys", err=True)
    for program in programs:
        program.scorer.process.refused = None


def add_to_lock(config: Path, files: Iterable[Path], columns: Mapping[str, str]) -> None:
    """Add the own scorers of these suites to the project's lock; ``columns`` is as in `load`. Raises `UsageError`."""
    from evaluators.loading.suite_reader import load

    if not config.is_file():
        raise UsageError(f"{config}: there is no such file, so no project can trust a scorer")
    programs = programs_of(config, [suite for path in files for suite in load(path, columns=columns)])
    if not programs:
        raise UsageError("--trust-scorers: no suite among these files has an own scorer")
    _trust(config, programs)


def programs_of(config: Path, suites: Iterable[Suite]) -> list[ScorerProgram]:
    """The own scorers of all suites."""
    from evaluators.loading.scorers import ModifiedScorer
    from evaluators.scoring.metrics.own import Own

    programs = []
    for suite in suites:
        for scorer in suite.scorers:
            inner = scorer.inner if isinstance(scorer, ModifiedScorer) else scorer
            if isinstance(inner, Own):
                file = suite.path.absolute().parent / inner.file.name
                path = printable(os.path.relpath(file, config.absolute().parent))
                programs.append(ScorerProgram(suite.path, path, inner))
    return programs


def _trust(config: Path, programs: Sequence[ScorerProgram]) -> None:
    """An older text of the same file is no longer trusted."""
    from fairtrial.safe_files import replace_file

    locked = _locked(config) | {program.path: program.scorer.sha256 for program in programs}
    lines = [f"{sha256}  {path}\n" for path, sha256 in sorted(locked.items())]
    replace_file(config.absolute().parent / LOCK, (HEAD + "".join(lines)).encode(), mode=0o644)
    for program in programs:
        click.echo(f"{LOCK}: added {program.in_words}; commit this file", err=True)


def _ask(config: Path, programs: Sequence[ScorerProgram]) -> None:
    """Raises `UsageError` unless a person agrees."""
    suites = shlex.join(dict.fromkeys(str(program.suite) for program in programs))
    option = "" if config.absolute() == Path("fairtrial.yaml").absolute() else f" --config {shlex.quote(str(config))}"
    for program in programs:
        text = f"{program.suite}: the scorer {program.scorer.name!r} is a program, and {LOCK} does not list its text"
        known = f"read {program.path}, then: fairtrial check {suites} --trust-scorers{option}"
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError(f"{text} ({known}; or --no-own-scorers)")
        click.echo(f"{text}: {program.in_words}", err=True)
        if not click.confirm("Have you read it, and may it run in this project?", err=True):
            raise UsageError(f"{program.path}: it may not run ({known}; or --no-own-scorers)")


def _locked(config: Path) -> dict[str, str]:
    """File → SHA-256; raises `UsageError` for a lock that can't be read."""
    from fairtrial.config.file.project_files import MOST_YAML_BYTES, read_text
    from fairtrial.safe_files import FileRefused

    lock = config.absolute().parent / LOCK
    if not lock.exists():
        return {}
    try:
        lines = read_text(lock, lock.parent, most=MOST_YAML_BYTES).splitlines()
    except FileRefused as error:
        raise UsageError(f"{lock}: it {error}") from error
    locked = {}
    for number, line in enumerate(lines, 1):
        match = LINE.fullmatch(line)
        if match:
            locked[match[2]] = match[1]
        elif line.strip() and not line.startswith("#"):
            raise UsageError(f"{lock}:{number}: this is not a SHA-256, two spaces and a file")
    return locked


PROPOSED_FROM = ("pull_request", "head", "repo", "full_name")
"""Where GitHub's event names the repository of a pull request's branch."""


def is_of_fork(environ: Mapping[str, str]) -> bool:
    """Whether this is a job of GitHub or GitLab for the pull request of a fork, or one that can't be read."""
    source = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    if source is not None and source != environ.get("CI_MERGE_REQUEST_PROJECT_ID"):
        return True
    if not environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        return False
    try:
        event = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_bytes())
        return bool(reduce(getitem, PROPOSED_FROM, event) != environ["GITHUB_REPOSITORY"])
    except (OSError, ValueError, KeyError, TypeError):
        return True

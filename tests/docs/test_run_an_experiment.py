"""Runs the pages that follow an experiment from top to bottom, with simulated users and an injected clock.

Comments in a page say what happens between its blocks: ``file`` names the next block's file, ``traffic`` lets users
come, ``edit`` changes the project file, and ``exits`` is the exit code of the next command (0 by default). ``ID`` in a
command stands for the id of the newest verdict.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fixtures.control.served_trial import ServedTrial
from tests.fixtures.docs.followed_page import parts, plain
from tests.fixtures.paths import ROOT

HOW_TO = ROOT / "docs" / "how-to"
A_DAY = 3_000 // 7
RESOLVED = {"base": 0.6, "tuned": 0.7}
FEW_ERRORS = {"base": 0.005, "tuned": 0.005}
MORE_ERRORS = {"base": 0.005, "tuned": 0.035}
MANY_ERRORS = {"base": 0.005, "tuned": 0.06}


class Walk:
    """One reading of the page; ``said`` has the output of the newest commands."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.files: dict[str, str] = {}
        self.trial: ServedTrial
        self.said = ""
        self.begun = False

    def begin(self) -> None:
        """A new project with the page's files, whose control runs."""
        self.begun = True
        folder = self.folder / f"project-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        for name, text in self.files.items():
            (folder / name).write_text(text)
        self.trial = ServedTrial(folder, self.files["fairtrial.yaml"])
        self.stack.callback(self.trial.close)

    def days(self, number: int, errors: Mapping[str, float] = FEW_ERRORS) -> None:
        for _ in range(number):
            if self.trial.experiment.state == "running":
                self.trial.day(A_DAY, resolved=RESOLVED, errors=errors)

    def declines(self) -> None:
        """Another trial, whose candidate fails more often; its stage is approved as soon as it can be."""
        self.begin()
        self.trial.change("approve", "tone checked on 40 answers")
        self.until_it_stops()

    def judged(self) -> None:
        """Another trial after three weeks, whose official SHIP is approved."""
        self.begin()
        self.days(21)
        self.run("fairtrial gate release.gate.yaml --candidate tuned --baseline base", 5)
        self.run('fairtrial verdict approve ID --why "read 40 answers"', 0)

    def until_it_stops(self) -> None:
        """The candidate goes on failing more often."""
        self.days(28, MORE_ERRORS)

    def run(self, lines: str, code: int) -> None:
        self.said = ""
        for line in lines.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "fairtrial", line
            arguments = [self.newest() if one == "ID" else one for one in arguments]
            done = self.trial.run(*arguments)
            assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
            self.said += done.stdout + done.stderr

    def newest(self) -> str:
        """The id of the newest verdict."""
        (row,) = self.trial.database.rows("SELECT verdict_id FROM verdicts ORDER BY at_time DESC LIMIT 1")
        return str(row[0])


TRAFFIC: Mapping[str, Callable[[Walk], None]] = {
    "a day": lambda walk: walk.days(1),
    "two days": lambda walk: walk.days(2),
    "three days": lambda walk: walk.days(3),
    "four days": lambda walk: walk.days(4),
    "seven days": lambda walk: walk.days(7),
    "three weeks": lambda walk: walk.days(21),
    "another trial, with more errors": Walk.declines,
    "another trial, judged and approved": Walk.judged,
    "until it stops": Walk.until_it_stops,
    "until it rolls back": lambda walk: walk.days(14, MANY_ERRORS),
    "an hour later": lambda walk: walk.trial.step(1),
}


@pytest.mark.release("walks")
@pytest.mark.parametrize(("name", "blocks"), [("run-an-experiment", 8), ("promote-a-model", 8)])
def test_the_page_of_one_experiment_shows_what_the_program_prints(tmp_path: Path, name: str, blocks: int) -> None:
    page = (HOW_TO / f"{name}.md").read_text(encoding="utf-8")
    with ExitStack() as stack:
        shown = list(outputs(page, Walk(tmp_path, stack)))
    assert len(shown) >= blocks
    for printed, said in shown:
        assert plain(printed) == plain(said)


def outputs(page: str, walk: Walk) -> Iterator[tuple[str, str]]:
    """Follow the page; yields each printed output with what the program said."""
    code, file = 0, "fairtrial.yaml"
    for part in parts(page):
        mark, value, kind, text = part.mark, part.value, part.kind, part.text
        if mark == "traffic":
            if not walk.begun:
                walk.begin()
            TRAFFIC[value](walk)
        elif mark == "edit":
            walk.trial.edit(*value.split(" → "))
        elif mark == "exits":
            code = int(value)
        elif mark == "file":
            file = value
        elif kind == "yaml":
            walk.files[file] = text
        elif kind == "sh":
            if not walk.begun:
                walk.begin()
            walk.run(text, code)
            code = 0
        elif kind == "text":
            yield text, walk.said

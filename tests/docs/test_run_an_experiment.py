"""Runs docs/how-to/run-an-experiment.md from top to bottom, with simulated users and an injected clock.

Comments in the page say what happens between its blocks: ``traffic`` lets users come, ``edit`` changes the project
file, and ``exits`` is the exit code of the next command (0 by default).
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

PAGE = ROOT / "docs" / "how-to" / "run-an-experiment.md"
A_DAY = 3_000 // 7
RESOLVED = {"base": 0.6, "tuned": 0.7}
FEW_ERRORS = {"base": 0.005, "tuned": 0.005}
MANY_ERRORS = {"base": 0.005, "tuned": 0.1}


class Walk:
    """One reading of the page; ``said`` has the output of the newest commands."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.text = ""
        self.trial: ServedTrial
        self.said = ""

    def begin(self) -> None:
        """A new project with the page's file, whose control runs."""
        folder = self.folder / f"project-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        self.trial = ServedTrial(folder, self.text)
        self.stack.callback(self.trial.close)

    def days(self, number: int, errors: Mapping[str, float] = FEW_ERRORS) -> None:
        for _ in range(number):
            if self.trial.experiment.state == "running":
                self.trial.day(A_DAY, resolved=RESOLVED, errors=errors)

    def harm(self) -> None:
        """Another trial, whose candidate fails often; its stage is approved as soon as it can be."""
        self.begin()
        self.trial.change("approve", "tone checked on 40 answers")
        self.days(28, MANY_ERRORS)

    def run(self, lines: str, code: int) -> None:
        self.said = ""
        for line in lines.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "fairtrial", line
            done = self.trial.run(*arguments)
            assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
            self.said += done.stdout + done.stderr


TRAFFIC: Mapping[str, Callable[[Walk], None]] = {
    "a day": lambda walk: walk.days(1),
    "three days": lambda walk: walk.days(3),
    "four days": lambda walk: walk.days(4),
    "seven days": lambda walk: walk.days(7),
    "another trial, with harm": Walk.harm,
    "an hour later": lambda walk: walk.trial.step(1),
}


@pytest.mark.release("walks")
def test_the_page_of_one_experiment_shows_what_the_program_prints(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    with ExitStack() as stack:
        shown = list(outputs(page, Walk(tmp_path, stack)))
    assert len(shown) > 8
    for printed, said in shown:
        assert plain(printed) == plain(said)


def outputs(page: str, walk: Walk) -> Iterator[tuple[str, str]]:
    """Follow the page; yields each printed output with what the program said."""
    code = 0
    for part in parts(page):
        mark, value, kind, text = part.mark, part.value, part.kind, part.text
        if mark == "traffic":
            TRAFFIC[value](walk)
        elif mark == "edit":
            walk.trial.edit(*value.split(" → "))
        elif mark == "exits":
            code = int(value)
        elif kind == "yaml":
            walk.text = text
            walk.begin()
        elif kind == "sh":
            walk.run(text, code)
            code = 0
        elif kind == "text":
            yield text, walk.said

"""Runs docs/how-to/what-can-i-say.md from top to bottom, and compares the numbers in the page with the real output.

Comments in the page say what happens between its blocks: ``file`` names the next block's file, ``copies`` writes copies
of a gate with other margins, ``reviews`` lets two people judge the queue, and ``exits`` is the next exit code.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fixtures.docs.followed_page import Part, parts
from tests.fixtures.docs.pages import BLOCK
from tests.fixtures.docs.small_release import invited, review_all, tickets, upstream
from tests.fixtures.paths import ROOT
from tests.fixtures.services import fork_server
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.waiting import PATIENCE

PAGE = ROOT / "docs" / "how-to" / "what-can-i-say.md"
COLUMNS = "118"
IDS = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{24}\b")
"""The ids of runs and queues."""
LATENCY = re.compile(r"latency\.p\d+ (?:better|worse) .+? to \S+ m?s ")
"""The row of a latency in a table of runs."""
BY_SIDES = re.compile(r"; adjusted for position .+?(?= Needed:| pass | cannot tell | fail | shown | By this gate|$)")
"""What follows from the sides of the answers, which each queue draws at random."""
NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?")


class Walk:
    """The page's project, in which its commands run; ``said`` is the output of the newest block."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.said = ""
        self.code = 0
        self.file = ""
        (folder / "suites").mkdir()
        self.rows = [json.dumps(row) + "\n" for row in tickets()]
        (folder / "suites" / "tickets.jsonl").write_text("".join(self.rows), encoding="utf-8")

    def follow(self, part: Part) -> None:
        if part.mark == "file":
            self.file = part.value
        elif part.mark == "copies":
            self._copy(*part.value.split(" with "))
        elif part.mark == "exits":
            self.code = int(part.value)
        elif part.mark == "reviews":
            self._review(part.value.split(", "))
        elif part.kind == "json":
            self.said = "".join(self.rows[:2])
        elif part.kind == "yaml":
            self._write(part.text)
        elif part.kind == "sh":
            self._run(part.text)
        elif part.kind == "python":
            self.said = self._finish(sys.executable, "-c", part.text)

    def _write(self, text: str) -> None:
        path = self.folder / self.file
        if self.file == "fairtrial.yaml":
            self._serve(path, text)
        else:
            path.write_text(text, encoding="utf-8")

    def _serve(self, path: Path, text: str) -> None:
        """The project on free ports, with its models and services running."""
        models = self.stack.enter_context(upstream())
        ports = zip(("gateway", "control", "dashboard"), free_ports(3), strict=True)
        addresses = "".join(f'{name}: {{bind: "127.0.0.1:{port}"}}\n' for name, port in ports)
        path.write_text(text.replace("http://127.0.0.1:8000/v1", models.url) + addresses, encoding="utf-8")
        self.stack.enter_context(ForkedServices(path, workers=1, dashboard=False))

    def _copy(self, name: str, margins: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        for margin in margins.split(", "):
            (self.folder / name.replace("5pp", margin)).write_text(text.replace("5pp", margin), encoding="utf-8")

    def _review(self, people: Sequence[str]) -> None:
        """Each person judges what is left, the first one nearly everything; nobody knows the models."""
        rows = json.loads(self._finish("fairtrial", "review", "status", "--json"))
        for name in people:
            link = self._finish("fairtrial", "accounts", "invite", "--name", name, "--role", "reviewer")
            assert review_all(invited(link.strip().splitlines()[0]), rows[0]["queue_id"], name) > 0

    def _run(self, lines: str) -> None:
        self.said = ""
        for line in lines.splitlines():
            self.said += self._finish(*shlex.split(line, comments=True), both=True, code=self.code)
        self.code = 0

    def _finish(self, program: str, *arguments: str, both: bool = False, code: int = 0) -> str:
        command = [program, *arguments]
        if program == "fairtrial":
            command = [sys.executable, "-m", "fairtrial_cli.main", *arguments]
        environ = {"COLUMNS": COLUMNS, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        done = fork_server.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == code, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout + (done.stderr if both else "")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Part, str]]:
    """Each printed block of the page, with what the program said."""
    with ExitStack() as stack:
        return list(outputs(PAGE.read_text(encoding="utf-8"), Walk(tmp_path_factory.mktemp("release"), stack)))


def outputs(page: str, walk: Walk) -> Iterator[tuple[Part, str]]:
    for part in parts(page):
        walk.follow(part)
        if part.kind in ("text", "json"):
            yield part, walk.said


@pytest.mark.release("walks")
def test_the_page_shows_what_the_program_prints(walked: list[tuple[Part, str]], tmp_path: Path) -> None:
    assert len(walked) > 8
    differing = [(part.kind, said) for part, said in walked if comparable(part.text) != comparable(said)]
    if differing:
        renewed = tmp_path / PAGE.name
        renewed.write_text(with_outputs(PAGE.read_text(encoding="utf-8"), walked), encoding="utf-8")
        blocks = "\n\n".join(f"```{kind}\n{tidy(said)}```" for kind, said in differing)
        pytest.fail(f"the page is out of date: cp {renewed} {PAGE}\nor paste these blocks:\n\n{blocks}", pytrace=False)


def test_every_number_in_the_text_is_in_a_block_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    known = {number for part in parts(page) for number in NUMBER.findall(part.text)}
    text = re.sub(r"\]\([^)]*\)|<!--.*?-->", "", BLOCK.sub("", page))
    missing = sorted(set(NUMBER.findall(text)) - known)
    assert not missing, f"{PAGE.name}: no block has these numbers of its text, so correct them: {', '.join(missing)}"


def comparable(text: str) -> str:
    """The words of an output, without line breaks, random ids, latencies, and figures that follow from random sides."""
    return BY_SIDES.sub("", LATENCY.sub("", IDS.sub("ID", " ".join(text.split()))))


def with_outputs(page: str, walked: list[tuple[Part, str]]) -> str:
    """The page with the program's outputs in its blocks."""
    for part, said in reversed(walked):
        page = page[: part.start] + tidy(said) + page[part.start + len(part.text) :]
    return page


def tidy(said: str) -> str:
    return "".join(line.rstrip() + "\n" for line in said.strip("\n").splitlines())

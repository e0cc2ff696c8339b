"""The blocks of the pages are run: commands and programs in a real project, files by what reads them.

A block that can't be run says why in a comment before it: ``<!-- not run: why -->``. One that is a file says which:
``<!-- file: suites/parcels.yaml -->``. The pages of quickstarts have a runner of their own.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

import click
import pytest

from evaluators.gate import file as gate_file
from evaluators.loading import suite_reader
from fairtrial.config.file.yaml_file import load
from fairtrial.config.project import load_project
from fairtrial.domain.errors import Mistake
from fairtrial_cli.main import fairtrial
from tests.fixtures.docs.pages import Block, blocks, name, run_here
from tests.fixtures.docs.room import Room, room

MOST_NOT_RUN = 6
SHELL = ("sh", "bash", "shell", "console")
STAYING = ("up", "control", "gateway", "dashboard", "demo", "models serve")
"""Commands that run until they are told to end: their words are checked, and the room runs the services."""
ENGINES = ("docker", "git")
"""Programs that are not here; what they make a container run is checked for its words."""
ASSIGNED = re.compile(r"[A-Z_]+=")
VERDICTS = (0, 1, 3, 4)
ENVIRONMENT = {"OPENAI_API_KEY": "set", "ANTHROPIC_API_KEY": "set"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("room")) as made:
        yield made


def of_page(page: Path, *languages: str) -> list[Block]:
    return [block for block in blocks(page) if block.language in languages and block.mark != "not run"]


def with_blocks(*languages: str) -> list[Path]:
    return [page for page in run_here() if of_page(page, *languages)]


@pytest.mark.parametrize("page", with_blocks(*SHELL), ids=name)
def test_the_commands_of_a_page_work_as_they_are_printed(page: Path, here: Room) -> None:
    for block in of_page(page, *SHELL):
        for line in block.text.replace("\\\n", " ").splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                _run_line(line.strip().removeprefix("$ "), block, here)


@pytest.mark.parametrize("page", with_blocks("python"), ids=name)
def test_the_programs_of_a_page_run_one_after_another(page: Path, here: Room) -> None:
    ours = [block for block in of_page(page, "python") if block.mark != "file"]
    if ours:
        program = here.meant("\n".join(block.text for block in ours))
        done = here.run(sys.executable, "-c", program)
        assert done.returncode == 0, f"{name(page)}: {done.stderr}"


@pytest.mark.parametrize("page", with_blocks("yaml", "yml"), ids=name)
def test_the_files_of_a_page_are_sound(page: Path, here: Room) -> None:
    for number, block in enumerate(of_page(page, "yaml", "yml")):
        if block.mark == "file":
            done = here.run("fairtrial", "check", block.value)
            assert done.returncode == 0, f"{block.place}: {done.stderr}"
            continue
        path = here.folder / ("suites" if "suites:" in block.text else ".") / f"block-{number}.yaml"
        path.write_text(block.text, encoding="utf-8")
        try:
            _check(path, block)
        finally:
            path.unlink()


@pytest.mark.parametrize(
    "page", [page for page in run_here() if any(b.value.endswith(".py") for b in blocks(page))], ids=name
)
def test_a_module_of_a_page_fulfils_its_contract(page: Path, here: Room) -> None:
    program = (
        "import sys; sys.argv = ['', 'overlay']\n"
        "import tests.fixtures.docs.with_overlay\n"
        "from evaluators.loading.scorers import SCORERS\n"
        "from fairtrial.domain.registry import Registry\n"
        "from dashboard.view import View\n"
        "assert 'word-limit' in SCORERS.names() and SCORERS.get('word-limit').options\n"
        "assert Registry('dashboard.views', 'view', noun='page', kind=View).get('journal').title == 'Journal'\n"
    )
    done = here.run(sys.executable, "-c", program)
    assert done.returncode == 0, f"{name(page)}: {done.stderr}"


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    skipped = [block for page in run_here() for block in blocks(page) if block.mark == "not run"]
    for block in skipped:
        sys.stdout.write(f"not run: {block.place}: {block.value}\n")
        assert len(block.value) > 10
    assert len(skipped) <= MOST_NOT_RUN


def _run_line(line: str, block: Block, here: Room) -> None:
    words = list(dropwhile(ASSIGNED.match, shlex.split(line, comments=True)))
    if not words or words[0] in ENGINES:
        return _parse(words[words.index("fairtrial") + 1 :], block) if "exec" in words else None
    assert words[0] == "fairtrial", f"{block.place}: only commands of fairtrial are run here: {line}"
    if " ".join(words[1:]).startswith(STAYING):
        return _parse(words[1:], block)
    done = here.run("bash", "-c", here.meant(line))
    allowed = VERDICTS if words[1] == "gate" else (0,)
    assert done.returncode in allowed, f"{block.place}: {line}\n{done.stdout}{done.stderr}"
    return None


def _parse(words: list[str], block: Block) -> None:
    """Whether the command would understand its words."""
    command: click.Command | None = fairtrial
    while isinstance(command, click.Group) and words:
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None, f"{block.place}: there is no such command"
    try:
        command.make_context("fairtrial", words).close()
    except click.BadParameter as error:
        if "does not exist" not in error.message:  # a file of another machine
            raise


def _check(path: Path, block: Block) -> None:
    keys = load(path)[0].value.keys()
    if "deployments" in keys:
        if "version" not in keys:
            path.write_text(f"version: 1\n{block.text}", encoding="utf-8")
        assert load_project(path, ENVIRONMENT).plan.deployments, block.place
    elif "suites" in keys:
        assert gate_file.check(path) == [], block.place
    elif "suite" in keys:
        assert suite_reader.check(path) == [], block.place
    else:
        assert [] in [_as_suite(path, block, data) for data in ("test.jsonl", "text.jsonl")], block.place


def _as_suite(path: Path, block: Block, data: str) -> list[Mistake]:
    """The mistakes of a suite that has the block's scorers."""
    path.write_text(f"suite: block\ndata: data/{data}\n{block.text}", encoding="utf-8")
    return suite_reader.check(path)

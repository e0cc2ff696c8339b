"""Runs the code blocks of the pages: commands and programs in a real project, files with the code that reads them.

A block that can't be run says why in a comment before it: ``<!-- not run: why -->``. A block that is a file names it:
``<!-- file: suites/parcels.yaml -->``. The quickstarts have a separate runner.
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

from fairtrial.config.file.yaml_file import load
from fairtrial.config.project import load_project
from fairtrial.domain.errors import Diagnostic
from fairtrial.domain.verdicts.verdict import EXIT_CODES, UNAPPROVED
from fairtrial_cli.main import fairtrial
from tests.fixtures.docs.docs_project import DocsProject, docs_project
from tests.fixtures.docs.pages import Block, blocks, name, run_here
from tests.fixtures.evaluators.file_errors import gate_errors, suite_errors

MOST_NOT_RUN = 6
SHELL = ("sh", "bash", "shell", "console")
STAYING = ("up", "control", "gateway", "dashboard", "demo", "models serve")
"""Commands that run until a signal: only their arguments are checked, because the project already runs the services."""
ENGINES = ("docker", "git")
"""Programs that are not installed here; the arguments of the command that they run in a container are checked."""
SHELL_SYNTAX = re.compile(r"[|&;<>$`*?(){}\[\]~!\\]")
"""Characters that only a shell interprets; `shlex` separates the words of any other line as a shell does."""
ASSIGNED = re.compile(r"[A-Z_]+=")
VERDICTS = (*EXIT_CODES.values(), UNAPPROVED)
JUDGING = (
    ["gate"],
    ["migrate"],
    ["review", "export"],
    *(["data", name] for name in ("audit", "memorisation", "overfitting")),
)
"""Commands whose exit code is a verdict, or says that there is nothing to write."""
DATA = [f"{name}.jsonl" for name in ("test", "text", "memorised", "number", "xml", "calls")]
ENVIRONMENT = {"OPENAI_API_KEY": "set", "ANTHROPIC_API_KEY": "set"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocsProject]:
    with docs_project(tmp_path_factory.mktemp("project")) as made:
        yield made


def of_page(page: Path, *languages: str) -> list[Block]:
    return [block for block in blocks(page) if block.language in languages and block.mark != "not run"]


def with_blocks(*languages: str) -> list[Path]:
    return [page for page in run_here() if of_page(page, *languages)]


LONG = pytest.mark.release("walks")
LONG_PAGES = {"docs/how-to/plan-an-experiment.md"}
"""Pages whose commands simulate experiments."""


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=LONG if name(page) in LONG_PAGES else ()) for page in with_blocks(*SHELL)],
    ids=name,
)
def test_the_commands_of_a_page_work_as_they_are_printed(page: Path, here: DocsProject) -> None:
    for block in of_page(page, *SHELL):
        for line in block.text.replace("\\\n", " ").splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                _run_line(line.strip().removeprefix("$ "), block, here)


@pytest.mark.parametrize("page", with_blocks("python"), ids=name)
def test_the_programs_of_a_page_run_one_after_another(page: Path, here: DocsProject) -> None:
    ours = [block for block in of_page(page, "python") if block.mark != "file"]
    if ours:
        program = here.meant("\n".join(block.text for block in ours))
        done = here.run(sys.executable, "-c", program)
        assert done.returncode == 0, f"{name(page)}: {done.stderr}"


@pytest.mark.parametrize("page", with_blocks("yaml", "yml"), ids=name)
def test_the_files_of_a_page_are_sound(page: Path, here: DocsProject) -> None:
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
def test_a_module_of_a_page_fulfils_its_contract(page: Path, here: DocsProject) -> None:
    program = (
        "from pathlib import Path\n"
        "from tests.fixtures.docs.with_overlay import overlay\n"
        "overlay(Path('overlay'))\n"
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


def _run_line(line: str, block: Block, here: DocsProject) -> None:
    words = list(dropwhile(ASSIGNED.match, shlex.split(line, comments=True)))
    if not words or words[0] in ENGINES:
        return _parse(words[words.index("fairtrial") + 1 :], block) if "exec" in words else None
    assert words[0] == "fairtrial", f"{block.place}: only commands of fairtrial are run here: {line}"
    if " ".join(words[1:]).startswith(STAYING):
        return _parse(words[1:], block)
    meant = here.meant(line)
    plain = line.startswith("fairtrial") and not SHELL_SYNTAX.search(meant)
    done = here.run(*shlex.split(meant, comments=True)) if plain else here.run("bash", "-c", meant)
    allowed = VERDICTS if any(words[1:][: len(judging)] == judging for judging in JUDGING) else (0,)
    assert done.returncode in allowed, f"{block.place}: {line}\n{done.stdout}{done.stderr}"
    return None


def _parse(words: list[str], block: Block) -> None:
    """Check that the command accepts these arguments."""
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
        assert gate_errors(path) == [], block.place
    elif "suite" in keys:
        assert suite_errors(path) == [], block.place
    else:
        assert [] in [_as_suite(path, block, data) for data in DATA], block.place


def _as_suite(path: Path, block: Block, data: str) -> list[Diagnostic]:
    """The errors of a suite that has the block's scorers."""
    path.write_text(f"suite: block\ndata: data/{data}\n{block.text}", encoding="utf-8")
    return suite_errors(path)

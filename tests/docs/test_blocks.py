"""Runs the code blocks of the pages: commands and programs in a real project, files with the code that reads them.

A block that can't be run says why in a comment before it: ``<!-- not run: why -->``. A block that is a file names it:
``<!-- file: suites/parcels.yaml -->``. A block that repairs a file names that: ``<!-- damaged: fairtrial.duckdb -->``.
`command_blocks.RUNNERS` names the pages with separate runners.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import dropwhile
from pathlib import Path

import httpx
import pytest

from fairtrial.config.file.yaml_file import load
from fairtrial.config.project import load_project
from fairtrial.domain.errors import Diagnostic
from fairtrial.domain.promises import EXIT_CODES, UNAPPROVED
from tests.fixtures.control.alarm_receivers import SECRET
from tests.fixtures.docs.command_blocks import (
    BLOCKS,
    SHELL,
    command_blocks,
    commands,
    executed_by,
    run_here,
    runner_of,
    walked_pages,
)
from tests.fixtures.docs.docs_project import DocsProject, docs_project
from tests.fixtures.docs.pages import ROOT, Block, blocks, name
from tests.fixtures.evaluators.file_errors import gate_errors, suite_errors
from tests.fixtures.services.printed_commands import KEPT, Terminal
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.server import FakeUpstream

EXECUTED = 0.95
"""The least share of the command blocks that a test executes."""
STAYING = re.compile(r"(?:[A-Z_]+=\S+ )*fairtrial up\b")
"""The command that runs until a signal. It gets its own project, because the services of the pages' project run."""
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
CONTRACT = ROOT / "tests" / "contract" / "test_scorers.py"
DATA = [f"{name}.jsonl" for name in ("test", "text", "memorised", "number", "xml", "calls")]
ENVIRONMENT = {"OPENAI_API_KEY": "set", "ANTHROPIC_API_KEY": "set", "PAGER_SECRET": SECRET, "SMTP_PASSWORD": "set"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocsProject]:
    with docs_project(tmp_path_factory.mktemp("project")) as made:
        yield made


def of_page(page: Path, *languages: str) -> list[Block]:
    """The page's blocks in these languages that run in its project as it is."""
    return [block for block in blocks(page) if block.language in languages and block.mark not in ("not run", "damaged")]


def with_blocks(*languages: str) -> list[Path]:
    return [page for page in run_here() if of_page(page, *languages)]


def staying(page: Path) -> list[str]:
    return [line for block in of_page(page, *SHELL) for line in commands(block) if STAYING.match(line)]


LONG = pytest.mark.release("walks")
SHORT = "README.md"
"""The page whose commands also run in `make test`; those of all pages run in every `.ci/run`."""


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=() if name(page) == SHORT else LONG) for page in with_blocks(*SHELL)],
    ids=name,
)
def test_the_commands_of_a_page_work_as_they_are_printed(page: Path, here: DocsProject) -> None:
    for block in of_page(page, *SHELL):
        for line in commands(block):
            if not STAYING.match(line):
                _run_line(line, block, here)


@LONG
@pytest.mark.parametrize("page", [page for page in with_blocks(*SHELL) if staying(page)], ids=name)
def test_a_command_that_stays_serves_until_it_is_interrupted(page: Path, tmp_path: Path) -> None:
    for number, line in enumerate(staying(page)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with FakeUpstream() as upstream, Terminal(folder, {}) as terminal:
            project = load_project(write_project(folder, upstream=upstream.url.removesuffix("/v1"), workers=1), {})
            terminal.run(f"{line.partition('#')[0]} {KEPT}")
            for door in (
                f"http://{project.gateway.bind}/readyz",
                f"{project.control.url}/readyz",
                f"{project.dashboard.url}/_stcore/health",
            ):
                assert httpx.get(door, trust_env=False).status_code == 200, line


REPAIRS = [block for page in run_here() for block in blocks(page) if block.mark == "damaged"]


@pytest.mark.parametrize("block", REPAIRS, ids=lambda block: block.place)
def test_a_command_that_repairs_the_store_does_so_while_control_is_down(block: Block, tmp_path: Path) -> None:
    write_project(tmp_path)
    project, (line,) = DocsProject(tmp_path, "", ""), commands(block)
    assert line.startswith(("fairtrial store restore ", "fairtrial store new "))
    info, restores = ("fairtrial", "store", "info"), line.split()[2] == "restore"
    for command in (info, ("fairtrial", "store", "backup", line.split()[3]) if restores else info):
        done = project.run(*command)
        assert done.returncode == 0, done.stderr
    (tmp_path / block.value).write_bytes(b"damaged")
    assert project.run(*info).returncode != 0
    _run_line(line, block, project)
    assert project.run(*info).returncode == 0


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
        "pages = Registry('dashboard.views', 'view', noun='page', kind=View)\n"
        "assert [pages.get(name).title for name in ('journal', 'segments')] == ['Journal', 'Segments']\n"
    )
    done = here.run(sys.executable, "-c", program)
    assert done.returncode == 0, f"{name(page)}: {done.stderr}"


@LONG
def test_the_metric_of_a_page_passes_the_contract_of_all_metrics(here: DocsProject) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nimport pytest\n"
        "from tests.fixtures.docs.with_overlay import overlay\n"
        "overlay(Path('overlay'))\n"
        f"sys.exit(pytest.main(['-n0', '-q', {str(CONTRACT)!r}, '--rootdir', {str(ROOT)!r}]))\n"
    )
    done = here.run(sys.executable, "-c", program)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_operation_of_a_page_answers_with_control_and_without(here: DocsProject, tmp_path: Path) -> None:
    assert httpx.get(f"{here.control}/api/segments", trust_env=False).status_code == 401, "its role is not checked"
    alone = write_project(tmp_path)
    for options in ((), ("--config", str(alone))):
        done = here.run("fairtrial", "segments", *options)
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"( *[\d,]+  \S+\.jsonl\n)*", done.stdout)
        assert bool(done.stdout) == (not options), "only the project that runs has a journal"


def test_nearly_every_command_block_is_executed_and_the_others_say_why() -> None:
    listed = list(command_blocks())
    for one in listed:
        sys.stdout.write(f"{one.test or 'not run'}: {one.block.place}{f': {one.why}' if one.why else ''}\n")
    unexplained = [one.block.place for one in listed if not one.test and len(one.why) <= 10]
    assert not unexplained, f"no test runs these blocks, and no comment says why: {', '.join(unexplained)}"
    executed = sum(bool(one.test) for one in listed)
    sys.stdout.write(f"{executed} of {len(listed)} blocks are executed\n")
    assert executed >= EXECUTED * len(listed)


def test_a_block_in_a_language_that_the_runner_does_not_know_is_not_executed() -> None:
    block = Block("docs/how-to/new.md", 1, "js", "console.log(1);")
    assert (executed_by(block, BLOCKS).test, executed_by(block, BLOCKS).why) == ("", "")
    assert executed_by(replace(block, language="sh"), BLOCKS).test == BLOCKS.test
    assert executed_by(replace(block, mark="not run", value="no Node here"), BLOCKS).why == "no Node here"


@pytest.mark.parametrize("page", walked_pages(), ids=name)
def test_the_runner_of_a_page_is_there_and_names_it(page: Path) -> None:
    runner = runner_of(page)
    text = (ROOT / runner.test).read_text(encoding="utf-8")
    assert page in run_here() or page.stem in text, f"{runner.test} does not run {name(page)}"


def _run_line(line: str, block: Block, here: DocsProject) -> None:
    words = list(dropwhile(ASSIGNED.match, shlex.split(line, comments=True)))
    assert words[0] == "fairtrial", f"{block.place}: only commands of fairtrial are run here: {line}"
    meant = here.meant(line)
    plain = line.startswith("fairtrial") and not SHELL_SYNTAX.search(meant)
    done = here.run(*shlex.split(meant, comments=True)) if plain else here.run("bash", "-c", meant)
    allowed = VERDICTS if any(words[1:][: len(judging)] == judging for judging in JUDGING) else (0,)
    assert done.returncode in allowed, f"{block.place}: {line}\n{done.stdout}{done.stderr}"


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

"""Checks that the reference matches the program, and that it lists everything a user can name."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from evaluators.loading.scorers import SCORERS
from fairtrial.domain.errors import INTERNAL_ERROR
from fairtrial.domain.promises import EXIT_CODES, UNAPPROVED
from fairtrial_cli.main import fairtrial
from gateway.proxy.app import MODEL_PATHS
from gateway.proxy.routes.fastapi_app import api_app
from scripts.reference.cli_page import commands_of, example_of
from scripts.reference.config_page import settings
from scripts.reference.data_plane import ROUTES
from scripts.reference.http_page import control_app, routes
from scripts.reference.pages import FOLDER, PAGES
from scripts.reference.statistics import page as statistics_page
from scripts.reference.tables_page import tables
from tests.fixtures.docs.command_blocks import run_here
from tests.fixtures.docs.pages import INLINE, ROOT, prose
from tests.fixtures.for_each import for_each


def committed(page: str) -> str:
    return (FOLDER / page).read_text(encoding="utf-8")


@for_each("page", PAGES)
def test_every_page_is_what_the_program_generates(page: str) -> None:
    assert committed(page) == PAGES[page](), f"docs/reference/{page} is out of date: make docs"


def test_a_question_that_leads_to_no_function_of_the_library_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(statistics_page.QUESTIONS, "About nothing", (("Why?", ("no_such_function",)),))
    with pytest.raises(LookupError, match="no_such_function"):
        statistics_page.questions()


def test_every_command_and_every_option_is_documented() -> None:
    text = committed("cli.md")
    for name, command in commands_of(fairtrial):
        assert f"\n## {name}\n" in text
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for one in command.params:
            if isinstance(one, click.Option) and not one.hidden:
                assert all(option in section for option in one.opts), f"{name} {one.opts}"


def test_the_example_in_a_command_s_help_is_one_that_it_understands() -> None:
    for name, command in commands_of(fairtrial):
        examples = example_of(command).splitlines()
        assert examples, f"{name} shows no example"
        for example in examples:
            words = shlex.split(example, comments=True)
            called = command if words[: len(name.split())] == name.split() else None
            assert called is not None or isinstance(command, click.Group), f"{name}: {example}"
            if called is not None and not isinstance(command, click.Group):
                understand(command, words[len(name.split()) :])


def understand(command: click.Command, words: list[str]) -> None:
    """Check that the command accepts these arguments; a missing file is not an error."""
    try:
        command.make_context("fairtrial", words).close()
    except click.BadParameter as error:
        if "does not exist" not in error.message:
            raise


def test_every_exit_code_is_documented() -> None:
    told = {
        int(line.split("`")[1])
        for line in committed("cli.md").splitlines()
        if line.startswith("| `") and line[3].isdigit()
    }
    assert told >= {*EXIT_CODES.values(), UNAPPROVED, 2, INTERNAL_ERROR, 130}


def test_every_setting_has_a_meaning_and_an_example() -> None:
    rows = {
        line.split("`")[1]: line.split(" | ") for line in committed("config.md").splitlines() if line.startswith("| `")
    }
    for setting in settings():
        meaning, example = rows[setting][3:5]
        assert "–" not in (meaning, example.rstrip(" |")), setting


@for_each("name", SCORERS.names())
def test_every_scorer_and_its_options_are_documented(name: str) -> None:
    section = committed("scorers.md").partition(f"\n## {name.replace('-', '_')}\n")[2].partition("\n## ")[0]
    assert "Its signature: `" in section
    assert all(f"| `{option}` |" in section for option in SCORERS.get(name).options)


def test_every_table_and_column_is_documented() -> None:
    text = committed("tables.md")
    for table, columns in tables().items():
        section = text.partition(f"\n## {table}\n")[2].partition("\n## ")[0]
        assert all(f"| `{column}` |" in section for column in columns), table


def test_every_route_of_the_control_plane_is_documented() -> None:
    text = committed("http.md")
    for route in routes(control_app()):
        for method in route.methods or ():
            assert f"\n#### {method} {route.path_format}\n" in text


def test_the_list_of_the_data_plane_is_what_it_serves() -> None:
    class Nowhere:
        """A gateway that receives no request."""

    served = {("POST", path) for path in MODEL_PATHS}
    for route in routes(api_app(Nowhere(), ())):  # type: ignore[arg-type]
        served |= {(method, route.path_format.replace(":path", "")) for method in route.methods or ()}
    assert served == {(method, path) for method, path, _, _ in ROUTES}


def test_every_key_of_the_review_page_is_documented() -> None:
    sheet = (ROOT / "dashboard/review_app/shortcut_help.js").read_text(encoding="utf-8")
    told = (ROOT / "docs/how-to/run-a-review.md").read_text(encoding="utf-8")
    for keys in re.findall(r'^  \["([^"]+)", ', sheet, re.MULTILINE):
        assert all(f"`{key}`" in told for key in keys.replace("…", " ").split()), keys


def test_every_command_that_a_page_names_exists() -> None:
    known = {"fairtrial", *(name for name, _ in commands_of(fairtrial))}
    groups = {name for name, command in commands_of(fairtrial) if isinstance(command, click.Group)} | {"fairtrial"}
    for page in run_here():
        for code in INLINE.findall(prose(page)):
            words = code.split()
            at = 1
            while (
                words[0] == "fairtrial" and at < len(words) and " ".join(words[:at]) in groups and words[at][0] != "-"
            ):
                at += 1
                assert " ".join(words[:at]) in known, f"{page.name}: `{code}`"

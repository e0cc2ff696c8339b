"""Checks that the program's texts are plain English. It stands here because this folder shares the syntax trees."""

from __future__ import annotations

from tests.fixtures.docs import english
from tests.fixtures.docs.program_texts import sources, texts
from tests.fixtures.paths import ROOT

WHERE = {
    "fairtrial_cli/commands/gate.py": "JUnit XML",
    "fairtrial_cli/main.py": "fair trial",
    "dashboard/views/overview.py": "fairtrial.yaml",
    "dashboard/review_app/shortcut_help.js": "undo",
}
"""A help text, and texts of the program and of the dashboard."""


def test_the_texts_of_every_module_read_well() -> None:
    problems = [f"{path.relative_to(ROOT)}: {fault}" for path in sources() for fault in english.faults(texts(path))]
    assert not problems, "\n".join(problems)


def test_texts_are_found_where_a_user_meets_them() -> None:
    found = {path: " ".join(one.text for one in texts(ROOT / path)) for path in WHERE}
    assert [path for path, part in WHERE.items() if part not in found[path]] == []

"""The page tells every test of the list and every allowed difference, all passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import __main__ as runner
from tests.conformance.harness.allowed import ALLOWED
from tests.conformance.harness.table import HEAD, PAGE, ROW, clients, page, rows, told


def test_the_page_has_a_row_for_every_test_of_the_list() -> None:
    names = [(ident, title) for ident, title, _, _ in told()]
    assert names == [(row.ident, row.title) for row in rows()], "make conformance"


def test_the_page_was_made_by_a_run_that_passed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(HEAD.format(clients=clients()))
    results = [(result.split(" ")[0], int(ran)) for _, _, result, ran in told()]
    assert all(word == "PASS" and ran > 0 for word, ran in results)


def test_the_page_tells_every_difference_that_is_allowed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(one.what.replace("|", "\\|") in text and one.why.replace("|", "\\|") in text for one in ALLOWED)


def test_a_test_that_did_not_run_is_not_told_to_have_passed() -> None:
    ran = rows()[0]
    found = ROW.findall(page({ran.key: [("passed", "")]}))
    assert [result for _, _, result, _ in found] == ["PASS", *["NOT RUN"] * (len(rows()) - 1)]


@pytest.mark.parametrize(("asked", "written"), [([], True), (["test_b_chat.py"], False)])
def test_only_a_run_of_the_whole_list_writes_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[str], written: bool
) -> None:
    def run(_: list[str], plugins: list[runner.Outcomes]) -> int:
        plugins[0].found[rows()[0].key].append(("passed", ""))
        return 0

    monkeypatch.setattr(runner, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr("sys.argv", ["conformance", *asked])
    monkeypatch.setattr(pytest, "main", run)
    assert runner.main() == 0
    assert (tmp_path / "page.md").exists() == written

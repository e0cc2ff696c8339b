"""The page tells every test of the list and every allowed difference, all passed."""

from __future__ import annotations

from tests.conformance.allowed import ALLOWED
from tests.conformance.table import HEAD, PAGE, clients, rows, told


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

"""Checks that the data-protection page lists every table, with the effect of retention and erasure."""

from __future__ import annotations

import pytest

from fairtrial.config.layout import Layout
from fairtrial.store.core import erasure_state
from fairtrial.store.erasure import tombstones
from fairtrial.store.erasure.rows import CHANGES
from fairtrial.store.maintenance.retention import RULES
from scripts.reference.tables_page import tables
from tests.fixtures.docs.pages import ROOT

PAGE = (ROOT / "docs/privacy/data-flow.md").read_text(encoding="utf-8")
ROWS = {
    line.split("`")[1]: [cell.strip() for cell in line.split("|")[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| `")
}
TEXT = ("VARCHAR", "JSON", "MAP")


@pytest.mark.parametrize(
    "table", [name for name, columns in tables().items() if any(kind.startswith(TEXT) for kind in columns.values())]
)
def test_a_table_with_texts_is_listed(table: str) -> None:
    assert len(ROWS[table]) == 6


def test_no_table_is_listed_that_is_not_there() -> None:
    listed = {name for name, cells in ROWS.items() if len(cells) == 6}
    assert listed <= tables().keys()


@pytest.mark.parametrize("table", [name for name, columns in tables().items() if "unit" in columns])
def test_a_table_with_pseudonyms_says_so(table: str) -> None:
    assert ROWS[table][2] != "–"
    assert ROWS[table][5] != "–"


@pytest.mark.parametrize("table", tables())
def test_the_page_states_what_retention_deletes(table: str) -> None:
    assert ("`retain_days`" in ROWS[table][4]) == (table in RULES)


@pytest.mark.parametrize("table", CHANGES)
def test_the_page_states_what_erasure_changes(table: str) -> None:
    assert ROWS[table][5] != "–"


@pytest.mark.parametrize("file", [erasure_state.FILE, tombstones.FILE, "ingest", "copies"])
def test_temporary_files_of_erasure_and_ingest_are_listed(file: str) -> None:
    assert f"`{file}" in PAGE


@pytest.mark.parametrize(
    "place",
    ["journal", "cache", "logs", "plan", "plan_refused", "damage", "backups", "admin_key", "internal_key"],
)
def test_every_place_beside_the_store_is_listed(place: str) -> None:
    path = getattr(Layout(ROOT / "x.duckdb"), place)
    assert f"`{path.name}" in PAGE

"""Checks that the data-protection page lists every table, with the effect of retention and erasure."""

from __future__ import annotations

from fairtrial.config.layout import Layout
from fairtrial.store.core import state_files
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
TABLES = tables()
TEXT = ("VARCHAR", "JSON", "MAP")
PLACES = (
    "journal",
    "cache",
    "traffic_suites",
    "migrations",
    "logs",
    "plan",
    "plan_refused",
    "kill_reserve",
    "damage",
    "backups",
    "admin_key",
    "internal_key",
)
"""The attributes of `Layout` that are files and folders beside the store."""


def test_every_table_with_texts_is_listed() -> None:
    with_texts = [name for name, kinds in TABLES.items() if any(kind.startswith(TEXT) for kind in kinds.values())]
    assert with_texts != []
    assert [table for table in with_texts if len(ROWS.get(table, [])) != 6] == []


def test_no_table_is_listed_that_is_not_there() -> None:
    listed = {name for name, cells in ROWS.items() if len(cells) == 6}
    assert listed <= TABLES.keys()


def test_the_page_states_which_tables_hold_pseudonyms_and_how_erasure_changes_them() -> None:
    with_units = [table for table, columns in TABLES.items() if "unit" in columns]
    assert with_units != []
    assert [table for table in with_units if "–" in (ROWS[table][2], ROWS[table][5])] == []


def test_the_page_states_what_retention_deletes() -> None:
    assert {table for table in TABLES if "`retain_days`" in ROWS[table][4]} == TABLES.keys() & set(RULES)


def test_the_page_states_what_erasure_changes() -> None:
    assert [table for table in CHANGES if ROWS[table][5] == "–"] == []


def test_temporary_files_of_erasure_and_ingest_are_listed() -> None:
    files = [state_files.ERASURE_FILE, tombstones.FILE, "ingest", "copies"]
    assert [file for file in files if f"`{file}" not in PAGE] == []


def test_every_place_beside_the_store_is_listed() -> None:
    paths = [getattr(Layout(ROOT / "x.duckdb"), place) for place in PLACES]
    assert [path.name for path in paths if f"`{path.name}" not in PAGE] == []

"""The store is found by the project file, by what is readable of it, or beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.domain.errors import ConfigError
from fairtrial_cli.store_client.client import find_layout
from tests.fixtures.services.project_files import write_project

OWN = 'store: {path: "${FOLDER}/own.duckdb"}\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = write_project(tmp_path)
    path.write_text(path.read_text() + OWN)
    (tmp_path / "data").mkdir()
    return path


def test_a_valid_file_names_it(config: Path) -> None:
    assert find_layout(config, {"FOLDER": "data"}).store == config.parent / "data" / "own.duckdb"


def test_an_invalid_file_still_names_it_if_it_is_there(config: Path) -> None:
    config.write_text(config.read_text().replace("unit: user", "unit: planet"))
    with pytest.raises(ConfigError, match="planet"):
        find_layout(config, {"FOLDER": "data"})
    store = config.parent / "data" / "own.duckdb"
    store.touch()
    assert find_layout(config, {"FOLDER": "data"}).store == store


@pytest.mark.parametrize("text", ["version: [", "[]", "store: 7", "store: {path: 7}", "\x00", None])
def test_without_a_readable_file_the_default_beside_it_counts_if_it_is_there(config: Path, text: str | None) -> None:
    config.unlink() if text is None else config.write_text(text)
    with pytest.raises((ConfigError, OSError)):
        find_layout(config, {})
    store = config.parent / "fairtrial.duckdb"
    store.touch()
    assert find_layout(config, {}).store == store


def test_a_lost_store_is_found_by_the_plan_that_it_has_published(config: Path) -> None:
    config.write_text("version: [")
    plan = config.with_name("fairtrial.duckdb.d") / "plan.json"
    plan.parent.mkdir()
    plan.touch()
    assert find_layout(config, {}).plan == plan


def test_a_named_store_needs_no_file(tmp_path: Path) -> None:
    assert find_layout(tmp_path / "none.yaml", {}, store=tmp_path / "s.duckdb").store == tmp_path / "s.duckdb"

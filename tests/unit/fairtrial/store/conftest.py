"""A store of its own for each test, and ready-made events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester

NOW = 1_800_000_000_000_000


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "fairtrial.duckdb").make()


@pytest.fixture
def database(layout: Layout) -> Iterator[Database]:
    database = Database.open(layout)
    yield database
    database.close()


@pytest.fixture
def ingester(database: Database) -> Ingester:
    return Ingester(database, lambda: NOW)

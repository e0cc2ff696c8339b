"""An empty store for each test."""

from tests.fixtures.store.cheap_passwords import cheap_passwords
from tests.fixtures.store.empty_store import database, ingester, layout

__all__ = ["cheap_passwords", "database", "ingester", "layout"]

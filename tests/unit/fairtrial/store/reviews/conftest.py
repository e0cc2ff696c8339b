"""A store of its own for each test."""

from tests.unit.fairtrial.store.conftest import database, layout

__all__ = ["database", "layout"]

"""A control application for the tests that walk all of its routes."""

from tests.fixtures.control.control_app import background, config, database, publisher

__all__ = ["background", "config", "database", "publisher"]

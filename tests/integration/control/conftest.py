"""A control application for the tests that walk all of its routes."""

from tests.fixtures.control.control_app import background, config, database, publisher
from tests.fixtures.store.cheap_passwords import cheap_passwords

__all__ = ["background", "cheap_passwords", "config", "database", "publisher"]

"""A control application for each test."""

from tests.fixtures.control.control_app import background, config, database, publisher
from tests.fixtures.control.judging import suite
from tests.fixtures.store.cheap_passwords import cheap_passwords

__all__ = ["background", "cheap_passwords", "config", "database", "publisher", "suite"]

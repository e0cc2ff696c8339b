"""One gateway and an upstream of each test, for the tests of this folder that change nothing about the process."""

from tests.fixtures.gateway.module_gateway import one_worker_fixture, rig_fixture, upstream_fixture  # noqa: F401 - fixtures

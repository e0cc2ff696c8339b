"""The gateways that the tests of this folder share."""

from tests.fixtures.gateway.litellm_gateway import litellm_gateway_fixture  # noqa: F401 - a fixture
from tests.fixtures.gateway.module_gateway import one_worker_fixture, rig_fixture, upstream_fixture  # noqa: F401 - fixtures

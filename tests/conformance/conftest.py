"""The targets of the differential, once for all of its tests."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from tests.conformance.harness.differential import MAX_BODY, Differential
from tests.conformance.harness.stream_fixture import Pair, gateway_before
from tests.fixtures.gateway.gateway_fixture import running
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE


@pytest.fixture(scope="session")
def differential(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Differential]:
    """A fake upstream, a gateway with keys before it, and what every client made of every case."""
    with FakeUpstream() as fake, running(tmp_path_factory.mktemp("differential"), max_body=MAX_BODY) as rig:
        found = Differential(fake, rig)
        found.publish()
        yield found


@pytest.fixture(name="connection")
def connection_fixture(differential: Differential) -> Iterator[http.client.HTTPConnection]:
    """A connection to the gateway."""
    found = http.client.HTTPConnection("127.0.0.1", differential.rig.supervisor.port, timeout=PATIENCE)
    yield found
    found.close()


@pytest.fixture(name="gateway", scope="session")
def gateway_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A gateway before an upstream that is driven by hand, for all tests of this folder; a module may have its own."""
    with gateway_before(tmp_path_factory.mktemp("streams")) as pair:
        yield pair


@pytest.fixture(name="pair")
def pair_fixture(gateway: Pair) -> Pair:
    """The gateway, its upstream without a script, and nothing recorded yet."""
    gateway.upstream.script = None
    gateway.rig.forget()
    return gateway

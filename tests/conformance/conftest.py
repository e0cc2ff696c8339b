"""The targets of the differential, once for all of its tests."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conformance.harness.differential import TRANSPORTS, Differential
from tests.fixtures.gateway.gateway_fixture import running
from tests.fixtures.upstream.server import FakeUpstream

MAX_BODY = 24 * 2**20


@pytest.fixture(scope="session")
def differential(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Differential]:
    """A fake upstream, a gateway with keys before it, and what every client made of every case."""
    with ExitStack() as stack:
        fake = stack.enter_context(FakeUpstream())
        rigs = {
            name: stack.enter_context(running(tmp_path_factory.mktemp(name), max_body=MAX_BODY, transport=name))
            for name in TRANSPORTS.values()
        }
        found = Differential(fake, rigs)
        found.publish()
        yield found


@pytest.fixture(name="connection", params=TRANSPORTS.values())
def connection_fixture(
    differential: Differential, request: pytest.FixtureRequest
) -> Iterator[http.client.HTTPConnection]:
    """A connection to the gateway with each of its transports."""
    found = http.client.HTTPConnection("127.0.0.1", differential.rigs[request.param].supervisor.port, timeout=20)
    yield found
    found.close()

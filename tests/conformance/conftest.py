"""The targets of the differential, once for all of its tests."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.harness.combinations import TRANSPORTS
from tests.conformance.harness.differential import MAX_BODY, Differential
from tests.conformance.harness.stream_fixture import Pair, gateway_before
from tests.fixtures.gateway.gateway_fixture import running
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

HERE = Path(__file__).parent

EVERY = 4


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` runs every fourth case with aiohttp, which is not the default; `make release` runs the others."""
    alternative = [item for item in items if HERE in item.path.parents and "aiohttp" in item.name]
    for number, item in enumerate(alternative):
        if number % EVERY:
            item.add_marker(pytest.mark.release("transports"))


@pytest.fixture(scope="session")
def differential(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Differential]:
    """A fake upstream, a gateway with keys before it, and what every client made of every case."""
    with ExitStack() as stack:
        fake = stack.enter_context(FakeUpstream())
        rigs = {
            name: stack.enter_context(running(tmp_path_factory.mktemp(name), max_body=MAX_BODY, transport=name))
            for name in TRANSPORTS
        }
        found = Differential(fake, rigs)
        found.publish()
        yield found


@pytest.fixture(name="connection", params=TRANSPORTS)
def connection_fixture(
    differential: Differential, request: pytest.FixtureRequest
) -> Iterator[http.client.HTTPConnection]:
    """A connection to the gateway with each of its transports."""
    found = http.client.HTTPConnection("127.0.0.1", differential.rigs[request.param].supervisor.port, timeout=PATIENCE)
    yield found
    found.close()


@pytest.fixture(scope="session")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Pair]]:
    """A gateway with each transport, before an upstream that is driven by hand; for all tests of this folder."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(gateway_before(tmp_path_factory.mktemp(f"streams-{name}"), transport=name))
            for name in TRANSPORTS
        }


@pytest.fixture(name="gateway", params=TRANSPORTS)
def gateway_fixture(gateways: dict[str, Pair], request: pytest.FixtureRequest) -> Pair:
    """The gateway with each transport; a module may have its own instead."""
    return gateways[request.param]


@pytest.fixture(name="pair")
def pair_fixture(gateway: Pair) -> Pair:
    """The gateway, its upstream without a script, and nothing recorded yet."""
    gateway.upstream.script = None
    gateway.rig.forget()
    return gateway

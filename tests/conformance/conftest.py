"""Both targets of the differential, once for all of its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.differential import Differential
from tests.integration.proxy_rig import running
from tests.upstream.server import FakeUpstream

MAX_BODY = 24 * 2**20


@pytest.fixture(scope="session")
def differential(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Differential]:
    """A fake upstream, a gateway with keys before it, and what every client made of every case."""
    with FakeUpstream() as fake, running(tmp_path_factory.mktemp("conformance"), max_body=MAX_BODY) as rig:
        found = Differential(fake, rig)
        found.publish()
        yield found

"""The errors of a request outlive it until its record and its probe no longer need them."""

from __future__ import annotations

import asyncio
from typing import Any

from fairtrial.domain.errors import UpstreamError
from gateway.proxy.stages import RequestProgress

ARM: Any = None


def test_a_probe_that_has_just_ended_keeps_its_error_for_what_waits_for_it() -> None:
    seen: list[bool] = []

    async def request() -> None:
        progress = RequestProgress(
            asyncio.ensure_future(asyncio.sleep(0)), probe=asyncio.get_running_loop().create_future()
        )
        probed = progress.begin_attempt(ARM, "live", 0)
        probed.fail(UpstreamError("no answer"))
        progress.probe.add_done_callback(lambda _: seen.append(probed.failure is not None))
        progress.probe.set_result(None)
        progress.release_errors()
        await progress.task
        await asyncio.sleep(0)
        assert probed.failure is None

    asyncio.run(request())
    assert seen == [True]

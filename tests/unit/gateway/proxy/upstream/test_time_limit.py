"""A time limit raises an error for what takes too long, and leaves other results and other cancellations alone."""

from __future__ import annotations

import asyncio

import pytest

from gateway.proxy.upstream.call import TimeLimit

LONG = 3600.0


def test_what_takes_too_long_is_a_timeout_and_the_task_goes_on() -> None:
    async def trial() -> int:
        for seconds in (0.001, 0.0, -1.0):
            with pytest.raises(TimeoutError), TimeLimit(seconds):
                await asyncio.sleep(LONG)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert asyncio.run(trial()) == 0


def test_what_ends_in_time_and_what_fails_in_time_are_left_alone() -> None:
    async def trial() -> None:
        with TimeLimit(LONG):
            await asyncio.sleep(0)
        with pytest.raises(ValueError, match="mine"), TimeLimit(LONG):
            raise ValueError("mine")
        await asyncio.sleep(0.002)

    asyncio.run(trial())


@pytest.mark.parametrize("limit", [LONG, 0.0])
def test_a_cancellation_from_elsewhere_is_no_timeout(limit: float) -> None:
    async def serving() -> None:
        with TimeLimit(limit):
            await asyncio.sleep(LONG)

    async def trial() -> bool:
        task = asyncio.create_task(serving())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(trial())


def test_limits_that_share_a_timer_end_each_at_its_own_time() -> None:
    async def trial() -> list[str]:
        ended: list[str] = []

        async def limited(name: str, seconds: float) -> None:
            try:
                with TimeLimit(seconds):
                    await asyncio.sleep(LONG)
            except TimeoutError:
                ended.append(name)

        names = {"long": LONG, "third": 0.03, "first": 0.002, "second": 0.01}
        tasks = {name: asyncio.create_task(limited(name, seconds)) for name, seconds in names.items()}
        await asyncio.wait([task for name, task in tasks.items() if name != "long"])
        assert not tasks["long"].done()
        tasks["long"].cancel()
        return ended

    assert asyncio.run(trial()) == ["first", "second", "third"]

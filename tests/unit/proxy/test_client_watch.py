"""The watch over a client: told once when it leaves, never after its end, whatever else the server says meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.proxy.client_watch import ClientWatch


class Server:
    """Says what was put in, one message for each call, as servers do: an event is waited for."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.event = asyncio.Event()
        self.waiting = 0

    def say(self, *types: str) -> None:
        self.said += types
        self.event.set()

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        while not self.said:
            self.event.clear()
            self.waiting += 1
            try:
                await self.event.wait()
            finally:
                self.waiting -= 1
        return {"type": self.said.pop(0)}


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_it_tells_once_after_any_number_of_other_messages() -> None:
    async def trial() -> None:
        server, told = Server(), []
        watch = ClientWatch(server.receive, lambda: told.append("gone"))
        await turns()
        server.say("http.request", "http.request")
        await turns()
        assert not told
        server.say("http.disconnect", "http.disconnect")
        await turns()
        watch.close()
        assert told == ["gone"]

    asyncio.run(trial())


def test_it_is_silent_once_closed_and_leaves_nothing_waiting_in_the_server() -> None:
    async def trial() -> None:
        server, told = Server(), []
        watch = ClientWatch(server.receive, lambda: told.append("gone"))
        await turns()
        watch.close()
        watch.close()
        assert server.waiting == 0
        server.say("http.disconnect")
        await turns()
        assert not told

    asyncio.run(trial())


def test_it_can_be_closed_by_what_it_tells_and_in_the_turn_in_which_the_message_came() -> None:
    async def trial(close_first: bool) -> int:
        server, told = Server(), []
        watches: list[ClientWatch] = []

        def gone() -> None:
            told.append("gone")
            watches[0].close()

        watches.append(ClientWatch(server.receive, gone))
        await turns()
        server.say("http.disconnect")
        if close_first:
            watches[0].close()
        await turns()
        return len(told)

    assert asyncio.run(trial(close_first=False)) == 1
    assert asyncio.run(trial(close_first=True)) == 0


def test_it_ends_a_task_that_waits_for_something_else() -> None:
    async def trial() -> bool:
        server = Server()

        async def serving() -> None:
            task = asyncio.current_task()
            assert task is not None
            cancel: Callable[[], Any] = task.cancel
            watch = ClientWatch(server.receive, cancel)
            try:
                await asyncio.Event().wait()
            finally:
                watch.close()

        task = asyncio.create_task(serving())
        await turns()
        server.say("http.disconnect")
        await turns()
        return task.cancelled()

    assert asyncio.run(trial())

"""The scheduler: an engine stays with its adapter, changes after a batch, and takes one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field

import pytest

from gateway.models.engine import BATCH, BATCH_S, Affinity


@dataclass
class FakeEngine:
    url: str | None = "up"


@dataclass
class ServerState:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Scene:
    """Some engines, and who was served by which, in order."""

    engines: list[FakeEngine]
    clock: ServerState = field(default_factory=ServerState)
    served: list[tuple[int, Hashable]] = field(default_factory=list)
    busy: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.affinity = Affinity(self.engines, self.clock)

    async def ask(self, queue: Hashable, *, takes: float = 0.0) -> None:
        async with self.affinity.turn(queue) as engine:
            number = next(i for i, candidate in enumerate(self.engines) if candidate is engine)
            assert number not in self.busy, "one request at a time"
            self.busy.add(number)
            self.served.append((number, queue))
            await asyncio.sleep(0)
            self.clock.now += takes
            self.busy.remove(number)

    async def ask_all(self, *queues: Hashable, takes: float = 0.0) -> None:
        await asyncio.gather(*(self.ask(queue, takes=takes) for queue in queues))

    def order(self, engine: int = 0) -> list[Hashable]:
        return [queue for number, queue in self.served if number == engine]


async def test_one_engine_groups_interleaved_requests_by_adapter() -> None:
    scene = Scene([FakeEngine()])
    await scene.ask_all(*"ababab")
    assert scene.order() == list("aaabbb")


async def test_two_engines_hold_one_adapter_each() -> None:
    scene = Scene([FakeEngine(), FakeEngine()])
    await scene.ask_all(*"abababab")
    assert sorted({frozenset(scene.order(0)), frozenset(scene.order(1))}, key=sorted) == [{"a"}, {"b"}]


async def test_two_engines_share_the_only_adapter_that_is_asked_for() -> None:
    scene = Scene([FakeEngine(), FakeEngine()])
    await scene.ask_all(*"aaaa")
    assert len(scene.order(0)) == len(scene.order(1)) == 2


async def test_a_long_queue_gives_way_after_a_batch() -> None:
    scene = Scene([FakeEngine()])
    await scene.ask_all(*["a"] * (BATCH + 5), "b")
    assert scene.order()[BATCH] == "b"


async def test_slow_requests_give_way_after_some_seconds() -> None:
    scene = Scene([FakeEngine()])
    await scene.ask_all(*"aaaab", takes=BATCH_S / 2)
    assert scene.order() == list("aabaa")


async def test_a_full_batch_changes_nothing_when_nobody_else_waits() -> None:
    scene = Scene([FakeEngine()])
    await scene.ask_all(*["a"] * (BATCH * 3))
    assert scene.affinity.waiting == 0
    assert len(scene.order()) == BATCH * 3


async def test_a_caller_that_leaves_the_queue_is_never_served() -> None:
    scene = Scene([FakeEngine()])
    async with scene.affinity.turn("a"):
        leaving = asyncio.create_task(scene.ask("a"))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
    assert scene.served == []
    await scene.ask("b")
    assert scene.order() == ["b"]


async def test_requests_wait_for_an_engine_that_is_down() -> None:
    scene = Scene([FakeEngine(url=None)])
    waiting = asyncio.create_task(scene.ask("a"))
    await asyncio.sleep(0)
    assert scene.affinity.waiting == 1
    scene.engines[0].url = "up"
    scene.affinity.dispatch()
    await waiting
    assert scene.order() == ["a"]


async def test_a_failed_request_gives_its_engine_back() -> None:
    scene = Scene([FakeEngine()])
    with pytest.raises(ZeroDivisionError):
        async with scene.affinity.turn("a"):
            raise ZeroDivisionError
    await scene.ask("b")
    assert scene.order() == ["b"]

"""What one key's hostile traffic costs another's, beside harmless traffic of equal bytes and connections.

``python benchmarks/hostile.py [--attack NAME …] [--seconds N] [--rounds N] [--json]``. One worker; each caller has a
key, a route and an upstream of its own. One asks 25 short chats a second while the other attacks; ``/livez`` is asked
ten times a second. The attack and its harmless twin take turns, for some seconds each. The chats' p99 under the attack
shall stay below 3 times that under the twin, and ``/livez`` below half a second. It ends by itself.

An attack is an async function in `ATTACKS`: it gets a `Traffic` and whether to be hostile, and sends until it is
cancelled; hostile or not it must open as many connections and send as many bytes, at the traffic's pace.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

import uvloop  # noqa: E402

from benchmarks.wire.caller import Answer, Callers  # noqa: E402
from benchmarks.wire.half_sent import half_sent  # noqa: E402
from benchmarks.wire.load import request  # noqa: E402
from benchmarks.wire.servers import Server, gateway, upstream  # noqa: E402
from benchmarks.wire.two_callers import OTHER_KEY, OTHER_ROUTE, publish_two  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402

TIMES, LIVEZ_SECONDS = 3.0, 0.5
CHATS_EACH, LIVEZ_EACH = 0.04, 0.1
"""Seconds from one chat, and from one look at ``/livez``, to the next."""

PLAIN = "The quick brown fox jumps over the lazy dog, and over the fence. "
NEAR_IBAN = "DE88370411441532113011 "
LIVEZ = b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
READY = (200, 202)


@dataclass(slots=True)
class Traffic:
    """Where an attack goes, and what became of it.

    A connection whose answer is late sends later. ``pace``: how many times longer than planned each waits, so that the
    harmless twin sends no more than the attack did.
    """

    port: int
    pace: float = 1.0
    sent: int = 0
    planned: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)

    async def repeat(self, raw: bytes, *, connections: int, every: float) -> None:
        """The same request over and over: each connection sends one each ``every`` seconds, if it has its answer."""

        every *= self.pace

        async def one(number: int) -> None:
            callers, begun = Callers(self.port, 1), time.perf_counter() + number * every / connections
            while True:
                await asyncio.sleep(max(0.0, begun - time.perf_counter()))
                begun = max(begun + every, time.perf_counter())
                self.sent += len(raw)
                self.statuses[(await callers.ask(raw)).status] += 1

        started = time.perf_counter()
        try:
            await asyncio.gather(*(one(number) for number in range(connections)))
        finally:
            self.planned += (time.perf_counter() - started) / every * connections * len(raw)


Attack = Callable[[Traffic, bool], Coroutine[None, None, None]]


async def near_ibans(traffic: Traffic, hostile: bool) -> None:
    """Chats of 250 kB that are IBANs but for their check digits."""
    await traffic.repeat(_chat(_text(NEAR_IBAN if hostile else PLAIN, 250_000)), connections=8, every=2.0)


async def short_near_ibans(traffic: Traffic, hostile: bool) -> None:
    """The same in many chats of 10 kB, which are redacted at once."""
    await traffic.repeat(_chat(_text(NEAR_IBAN if hostile else PLAIN, 10_000)), connections=8, every=0.2)


async def feedback_of_near_ibans(traffic: Traffic, hostile: bool) -> None:
    """Feedback with as much text as one request may have."""
    comment = _text(NEAR_IBAN if hostile else PLAIN, 20_000)
    item = {"request_id": "r", "key": "k", "value": True, "comment": comment}
    await traffic.repeat(_post("/v1/feedback", [item] * 13), connections=8, every=2.0)


async def large_feedback_of_near_ibans(traffic: Traffic, hostile: bool) -> None:
    """A thousand items of 20,000 characters, which are too much."""
    comment = _text(NEAR_IBAN if hostile else PLAIN, 20_000)
    item = {"request_id": "r", "key": "k", "value": True, "comment": comment}
    await traffic.repeat(_post("/v1/feedback", [item] * 1000), connections=2, every=2.0)


async def many_names(traffic: Traffic, hostile: bool) -> None:
    """A body of 2.2 million names."""
    body = _names(2_200_000)
    await traffic.repeat(_post_raw("/v1/chat/completions", _with(body, hostile)), connections=2, every=2.0)


async def names_up_to_the_limit(traffic: Traffic, hostile: bool) -> None:
    """A body with as many names as a request may have."""
    body = _names(49_000)
    await traffic.repeat(_post_raw("/v1/chat/completions", _with(body, hostile)), connections=8, every=0.5)


async def half_sent_bodies(traffic: Traffic, hostile: bool) -> None:
    """2,500 connections at a time that send half of the body that they announce; the twin's announce what they send."""
    chat = _chat(_text(PLAIN, 2_000))
    body = chat.partition(b"\r\n\r\n")[2]

    def announcing(times: int) -> bytes:
        return _post_raw("/v1/chat/completions", body, length=times * len(body))

    await half_sent(traffic, announcing, hostile=hostile)


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        near_ibans,
        short_near_ibans,
        feedback_of_near_ibans,
        large_feedback_of_near_ibans,
        many_names,
        names_up_to_the_limit,
        half_sent_bodies,
    )
}


@dataclass(slots=True)
class Seen:
    """What the other caller saw while a traffic went on: seconds, and all that was not as it should be."""

    chats: list[float] = field(default_factory=list)
    livez: list[float] = field(default_factory=list)
    wrong: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)

    async def ask(self, callers: Callers, raw: bytes, seconds: list[float]) -> None:
        """One request, timed."""
        begun = time.perf_counter()
        answer = await callers.ask(raw)
        seconds.append(time.perf_counter() - begun)
        self.wrong[answer.status] += answer.status != 200

    def p99(self) -> float:
        """Of the chats."""
        return statistics.quantiles(self.chats, n=100)[98]


async def watch(port: int, attack: Attack, seen: Seen, *, hostile: bool, seconds: float, pace: float = 1.0) -> float:
    """Chats and looks at ``/livez`` at a steady rate, whatever becomes of them, while the attack goes on; its pace."""
    traffic = Traffic(port, pace)
    attacking = asyncio.create_task(attack(traffic, hostile))
    chats, looks, chat = Callers(port, 64), Callers(port, 16), request()
    await asyncio.sleep(1)
    try:
        await asyncio.gather(
            _steadily(lambda: seen.ask(chats, chat, seen.chats), CHATS_EACH, seconds),
            _steadily(lambda: seen.ask(looks, LIVEZ, seen.livez), LIVEZ_EACH, seconds),
        )
    finally:
        attacking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await attacking
    seen.sent += traffic.sent
    seen.statuses += traffic.statuses
    return max(1.0, traffic.planned / traffic.sent)


async def _steadily(ask: Callable[[], Awaitable[None]], every: float, seconds: float) -> None:
    begun, tasks = time.perf_counter(), []
    for number in range(int(seconds / every)):
        await asyncio.sleep(max(0.0, begun + number * every - time.perf_counter()))
        tasks.append(asyncio.ensure_future(ask()))
    await asyncio.gather(*tasks)


async def measure(port: int, attack: Attack, arguments: argparse.Namespace) -> dict[str, Any]:
    """One attack and its twin, in turns."""
    twin, hostile = Seen(), Seen()
    for _ in range(arguments.rounds):
        pace = await watch(port, attack, hostile, hostile=True, seconds=arguments.seconds)
        await asyncio.sleep(2)  # what is left of the attack's work is not the twin's
        await watch(port, attack, twin, hostile=False, seconds=arguments.seconds, pace=pace)
        await asyncio.sleep(1)
    return {
        "p99_ms": {"twin": twin.p99() * 1000, "attack": hostile.p99() * 1000},
        "times": hostile.p99() / twin.p99(),
        "livez_worst_ms": {"twin": max(twin.livez) * 1000, "attack": max(hostile.livez) * 1000},
        "sent_mb": {"twin": twin.sent / 1e6, "attack": hostile.sent / 1e6},
        "answered": {"twin": dict(twin.statuses), "attack": dict(hostile.statuses)},
        "wrong": {"twin": dict(+twin.wrong), "attack": dict(+hostile.wrong)},
        "met": hostile.p99() / twin.p99() < TIMES and max(hostile.livez) < LIVEZ_SECONDS and not +hostile.wrong,
    }


async def all_of(server: Server, arguments: argparse.Namespace) -> dict[str, Any]:
    """Every attack that was asked for."""
    await _until_ready(server.port)
    return {name: await measure(server.port, ATTACKS[name], arguments) for name in arguments.attack or ATTACKS}


async def _until_ready(port: int) -> None:
    async with asyncio.timeout(30):
        async for answer in _asked_again(port, _chat("hello")):
            if answer.status in READY:
                return


async def _asked_again(port: int, raw: bytes) -> AsyncIterator[Answer]:
    while True:
        yield await Callers(port, 1).ask(raw)
        await asyncio.sleep(0.1)


def _text(piece: str, size: int) -> str:
    return (piece * (size // len(piece) + 1))[:size]


def _chat(text: str) -> bytes:
    return _post("/v1/chat/completions", {"model": OTHER_ROUTE, "messages": [{"role": "user", "content": text}]})


def _names(number: int) -> bytes:
    return b",".join(b'"%x":1' % place for place in range(number))


def _with(names: bytes, hostile: bool) -> bytes:
    """A body with these names, or with a text of the same length."""
    field_ = b'{"model":"%b","x":%b}'
    plain = _text(PLAIN, len(names)).encode()
    return field_ % (OTHER_ROUTE.encode(), b"{%b}" % names if hostile else b'"%b"' % plain)


def _post(path: str, content: Any) -> bytes:
    return _post_raw(path, json.dumps(content).encode())


def _post_raw(path: str, body: bytes, *, length: int | None = None) -> bytes:
    """A request; ``length``: what its head announces, if that is not the body's."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {OTHER_KEY}\r\ncontent-length: {length or len(body)}\r\n\r\n"
    )
    return head.encode() + body


def report(found: dict[str, Any]) -> str:
    """The figures in words."""
    lines = []
    for name, one in found.items():
        p99, livez, sent = one["p99_ms"], one["livez_worst_ms"], one["sent_mb"]
        lines += [
            f"{name}: {'met' if one['met'] else 'NOT MET'}",
            f"  p99 of another key's chats: {p99['attack']:.1f} ms, beside {p99['twin']:.1f} ms under harmless "
            f"traffic: {one['times']:.2f} times (below {TIMES:g})",
            f"  /livez at worst: {livez['attack']:.0f} ms, beside {livez['twin']:.0f} ms "
            f"(below {LIVEZ_SECONDS * 1000:g})",
            f"  sent: {sent['attack']:.0f} MB, beside {sent['twin']:.0f} MB; answered by status: {one['answered']}",
            *([f"  the other caller's answers that were no 200: {one['wrong']}"] if any(one["wrong"].values()) else []),
        ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attack", action="append", choices=sorted(ATTACKS), help="this one; all without")
    parser.add_argument("--seconds", type=float, default=8, help="of each turn")
    parser.add_argument("--rounds", type=int, default=2, help="turns of an attack, and of its twin")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain, other = stack.enter_context(upstream()), stack.enter_context(upstream())
        server = stack.enter_context(gateway(plain, folder))
        publish_two(Layout(folder / "bench.duckdb").plan, plain.port, other.port)
        found = uvloop.run(all_of(server, arguments))
    print(json.dumps(found, indent=2) if arguments.json else report(found))
    sys.exit(0 if all(one["met"] for one in found.values()) else 1)


if __name__ == "__main__":
    main()

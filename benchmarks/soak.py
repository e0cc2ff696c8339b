"""Mixed traffic for a long time: whether the memory of the gateway's worker stays flat, and every answer is right.

``python benchmarks/soak.py [--minutes N] [--json]``. Whole answers, streams, clients that
leave, requests that are wrong, and a new plan each ten seconds, at the pace that twenty clients keep. Memory is read
each ten seconds; its slope is that of a straight line through the readings after the first fifth, with an interval that
allows for readings which depend on each other (the residuals' own autocorrelation shrinks their number).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

import numpy as np  # noqa: E402
import uvloop  # noqa: E402

from benchmarks.wire.caller import Answer, Caller, Callers, has_token  # noqa: E402
from benchmarks.wire.load import connect, request  # noqa: E402
from benchmarks.wire.plan import publish_for  # noqa: E402
from benchmarks.wire.processes import memory, tree  # noqa: E402
from benchmarks.wire.servers import Server, gateway, upstream  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402

CLIENTS, EACH, PLAN_EACH = 20, 10.0, 10.0
FLAT_MIB_AN_HOUR = 10.0
MEBIBYTE = 2**20
KINDS = {"whole": 60, "stream": 20, "leaves": 10, "wrong": 10}


@dataclass(slots=True)
class Soak:
    """What was asked, what was wrong, and the memory readings: seconds and bytes."""

    server: Server
    end: float
    asked: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    readings: list[tuple[float, int]] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)

    async def client(self, number: int) -> None:
        """One client: a request of a kind by chance, after the one before."""
        chance, callers = random.Random(number), Callers(self.server.port, 1)
        while time.perf_counter() < self.end:
            kind = chance.choices(list(KINDS), weights=list(KINDS.values()))[0]
            self.asked[kind] += 1
            token = f"token-{number}-{self.asked.total()}"
            if kind == "leaves":
                await self._leave(token, chance.random() * 0.05)
                continue
            fields: dict[str, Any] = {"stream": {"stream": True, "max_tokens": 5, "seed": 2}, "wrong": {"model": "no"}}
            self._judge(kind, await callers.ask_token(token, **fields.get(kind, {})), token)

    def _judge(self, kind: str, answer: Answer, token: str) -> None:
        right = answer.status == 404 if kind == "wrong" else answer.status == 200 and has_token(answer, token)
        right = right and (kind != "stream" or answer.body.endswith(b"data: [DONE]\n\n"))
        if not right:
            self.wrong.append(f"{kind} {token}: {answer.status} {answer.body[:200]!r}")

    async def _leave(self, token: str, after: float) -> None:
        raw = request(stream=True, max_tokens=50, seed=20, messages=[{"role": "user", "content": token}])
        caller: Caller = await connect(self.server.port, Caller)
        caller.ask(raw)
        await asyncio.sleep(after)
        caller.transport.abort()

    async def read(self) -> None:
        """The readings."""
        begun = time.perf_counter()
        self.pids = tree(self.server.pid)
        while time.perf_counter() < self.end:
            await asyncio.sleep(min(EACH, max(0.0, self.end - time.perf_counter())))
            self.readings.append((time.perf_counter() - begun, memory(self.server.pid)))
            seconds, size = self.readings[-1]
            told = f"{seconds:6.0f} s {size / MEBIBYTE:8.2f} MiB {self.asked.total():9,} asked {len(self.wrong)} wrong"
            print(told, file=sys.stderr, flush=True)

    async def replan(self, path: Path, port: int) -> None:
        """Another plan each ten seconds."""
        number = 0
        while time.perf_counter() < self.end:
            await asyncio.sleep(PLAN_EACH)
            publish_for(path, port, salt=f"s{(number := number + 1)}")
            self.asked["new plan"] += 1


async def soak(server: Server, plain: Server, path: Path, minutes: float) -> Soak:
    """All of it at once."""
    found = Soak(server, time.perf_counter() + minutes * 60)
    clients = [found.client(number) for number in range(CLIENTS)]
    await asyncio.gather(*clients, found.read(), found.replan(path, plain.port))
    if tree(server.pid) != found.pids:
        found.wrong.append(f"processes: {found.pids} at first, {tree(server.pid)} at last")
    return found


def slope(readings: list[tuple[float, int]]) -> tuple[float, float]:
    """MiB an hour and half of its 95 % interval's width, from the readings after the first fifth."""
    kept = np.array(readings[len(readings) // 5 :], dtype=float)
    hours, sizes = kept[:, 0] / 3600, kept[:, 1] / MEBIBYTE
    away = hours - hours.mean()
    found = float(away @ sizes / (away @ away))
    rest = sizes - sizes.mean() - found * away
    depends = min(0.95, max(0.0, float(rest[1:] @ rest[:-1] / max(rest @ rest, 1e-12))))
    free = max(1.0, len(rest) * (1 - depends) / (1 + depends) - 2)
    error = float(np.sqrt(rest @ rest / free / (away @ away) * len(rest) / (free + 2)))
    return found, 2.0 * error


def _verdict(low: float, high: float) -> str:
    if high <= FLAT_MIB_AN_HOUR:
        return "flat"
    return "NOT FLAT" if low > FLAT_MIB_AN_HOUR else "not decided: too short"


def measure(minutes: float) -> dict[str, Any]:
    """Run it and judge the line."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain = stack.enter_context(upstream())
        server = stack.enter_context(gateway(plain, folder))
        found = uvloop.run(soak(server, plain, Layout(folder / "bench.duckdb").plan, minutes))
    rise, half = slope(found.readings)
    return {
        "asked": dict(found.asked),
        "wrong": found.wrong,
        "first_mib": found.readings[0][1] / MEBIBYTE,
        "last_mib": found.readings[-1][1] / MEBIBYTE,
        "mib_an_hour": rise,
        "interval": [rise - half, rise + half],
        "flat": _verdict(rise - half, rise + half),
    }


def report(found: dict[str, Any]) -> str:
    """The figures in words."""
    low, high = found["interval"]
    return "\n".join(
        [
            f"asked: {found['asked']}; wrong: {len(found['wrong'])}",
            f"memory: {found['first_mib']:.1f} MiB at first, {found['last_mib']:.1f} at last; slope "
            f"{found['mib_an_hour']:+.1f} MiB an hour ({low:+.1f} to {high:+.1f}): "
            f"{found['flat']} (bound: {FLAT_MIB_AN_HOUR:+.0f})",
            *found["wrong"][:5],
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.minutes)
    print(json.dumps(found, indent=2) if arguments.json else report(found))


if __name__ == "__main__":
    main()

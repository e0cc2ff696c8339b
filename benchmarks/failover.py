"""Faults of a model's server: what a user notices with a bare client, a careful policy, and the gateway.

``python benchmarks/failover.py [--requests N] [--scale X] [--rows]`` prints the tables of
`docs/reference/providers.md`: how many of the requests are answered straight and through the gateway if a part of them
fails, without a fallback, on real sockets and by an injected clock; and the sixteen faults of Failover Bench.
``--rows``: all rows by the injected clock, not only the worst of each share. ``--scale``: of the times of the sixteen
faults and of the gateway's settings. With 1 they take two minutes. Ends with 1 if a row misses its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx

sys.path[0] = str(Path(__file__).parent.parent)

from benchmarks import breaker_shares  # noqa: E402
from benchmarks.breaker_shares import LEAST  # noqa: E402
from fairtrial.domain.plan import Route  # noqa: E402
from tests.fixtures.gateway import failover  # noqa: E402
from tests.fixtures.gateway.failover import (  # noqa: E402
    ADJUSTED,
    ADJUSTED_CLIENT,
    ADJUSTED_HELD,
    BARE,
    CLIENT,
    DEFAULT,
    HELD,
    POLICY,
)
from tests.fixtures.gateway.gateway_fixture import plan_for, running  # noqa: E402
from tests.fixtures.upstream.faults import WELL, Script, error, public_faults  # noqa: E402
from tests.fixtures.upstream.server import FakeUpstream  # noqa: E402
from tests.fixtures.waiting import PATIENCE  # noqa: E402

WAYS = (BARE, POLICY, DEFAULT, CLIENT, HELD, ADJUSTED, ADJUSTED_CLIENT, ADJUSTED_HELD)
VERDICTS = ("pass", "partial", "safe", "fail")
PARTIAL = (
    ("half are 503", error(503), 50),
    ("30 % are reset", {"kind": "reset"}, 30),
    ("half are 429", error(429), 50),
    ("80 % are 503", error(503), 80),
    ("80 % are reset", {"kind": "reset"}, 80),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=800, help="of each partial failure on real sockets")
    parser.add_argument("--scale", type=float, default=1.0, help="of the times of the sixteen faults")
    parser.add_argument("--rows", action="store_true", help="print every row by the injected clock")
    arguments = parser.parse_args()
    missed = [asyncio.run(print_partial(arguments.requests)), print_shares(every=arguments.rows)]
    print_table(arguments.scale)
    return int(any(missed))


def print_shares(*, every: bool) -> bool:
    """Whether a row misses its limit."""
    logging.disable()  # a breaker that opens is logged
    rows = [breaker_shares.measured(traffic) for traffic in breaker_shares.all_traffic()]
    print("", *breaker_shares.table(rows, every=every), sep="\n")
    missed = breaker_shares.missed(rows)
    print("", f"{len(missed)} of {len(rows)} rows miss their limit", *missed, "", sep="\n")
    return bool(missed)


async def print_partial(requests: int) -> bool:
    """The same request fails straight and through the gateway, each time. Whether a row misses its limit."""
    print("| of the requests | answered straight | through the gateway | ratio | limit | |")
    print("|---|--:|--:|--:|--:|---|")
    missed = 0
    with tempfile.TemporaryDirectory() as folder, FakeUpstream() as plain, running(Path(folder)) as rig:
        for name, fake, percent in PARTIAL:
            plain.script = partial(_script, fake, percent)
            rig.publish(plan_for(plain.url, routes={"alone": Route("alone", deployment="base")}, experiments={}))
            straight, through = [await _answered(url, requests) for url in (plain.url, rig.url)]
            missed += through < LEAST * straight
            verdict = "**missed**" if through < LEAST * straight else "kept"
            print(f"| {name} | {straight} | {through} | {through / straight:.3f} | {LEAST} | {verdict} |", flush=True)
    print(f"\n{missed} of {len(PARTIAL)} rows miss their limit")
    return missed > 0


def _script(fake: Script, percent: int, asked: dict[str, Any]) -> Script:
    return fake if Random(str(asked["user"])).random() * 100 < percent else WELL


async def _answered(url: str, requests: int) -> int:
    """How many of the requests, each of another user and at most 20 at a time, are answered."""
    async with httpx.AsyncClient(timeout=PATIENCE, limits=httpx.Limits(max_connections=20)) as client:

        async def ask(number: int) -> bool:
            body = {"model": "alone", "user": f"u{number}", "messages": [{"role": "user", "content": f"{number}"}]}
            try:
                return (await client.post(f"{url}/chat/completions", json=body)).status_code == 200
            except httpx.HTTPError:
                return False

        return sum(await asyncio.gather(*(ask(number) for number in range(requests))))


def print_table(scale: float) -> None:
    """Every fault in every way, all at the same time."""
    faults = public_faults(scale)
    with (
        tempfile.TemporaryDirectory() as folder,
        failover.servers(faults, scale) as faulty,
        running(Path(folder)) as rig,
    ):
        failover.publish(rig, faulty, [way for way in WAYS if way.through])
        met = {(one.way, one.fault.number): one for one in failover.meet_all(faulty, WAYS, rig)}
    print(f"| fault | {' | '.join(way.name for way in WAYS)} |")
    print("|---|" + "---|" * len(WAYS))
    for fault in faults:
        print(f"| {fault.name} | {' | '.join(met[way, fault.number].verdict for way in WAYS)} |")
    sums = [Counter(met[way, fault.number].verdict for fault in faults) for way in WAYS]
    print(f"| **{', '.join(VERDICTS)}** | {' | '.join(map(_summed, sums))} |")
    most = max(one.most for one in met.values() if one.way.retries)
    print(f"\nbehind the official client a request makes at most {most} upstream calls")


def _summed(counts: Counter[str]) -> str:
    return f"**{', '.join(str(counts[verdict]) for verdict in VERDICTS)}**"


if __name__ == "__main__":
    sys.exit(main())

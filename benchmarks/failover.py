"""Faults of a model's server: what a user notices with a bare client, a careful policy, and the gateway.

``python benchmarks/failover.py [--seconds N] [--requests N]`` prints the two tables of `docs/reference/providers.md`:
how many of the requests are answered straight and through the gateway if a part of them fails, without a fallback; and
sixteen faults one by one. ``--seconds``: after how much silence the fallback is asked, 1 by default; the time that a
deployment has by default is 90.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx

sys.path[0] = str(Path(__file__).parent.parent)

from fairtrial.domain.plan import Route  # noqa: E402
from fairtrial.domain.settings import Timeouts  # noqa: E402
from tests.fixtures.gateway import failover  # noqa: E402
from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running  # noqa: E402
from tests.fixtures.upstream.faults import FAULTS, WELL, Fault, Script, error  # noqa: E402
from tests.fixtures.upstream.server import FakeUpstream  # noqa: E402
from tests.fixtures.waiting import PATIENCE  # noqa: E402

BARE, POLICY, GATEWAY, DEFAULT, HELD = (
    "a bare client",
    "the reference policy",
    "the gateway",
    "the gateway behind the default client",
    "with `hold: complete`",
)
PARTIAL = (
    ("half are 503", error(503), 50),
    ("30 % are reset", {"kind": "reset"}, 30),
    ("half are 429", error(429), 50),
    ("80 % are 503", error(503), 80),
    ("80 % are reset", {"kind": "reset"}, 80),
)
WAYS = (BARE, POLICY, GATEWAY, DEFAULT, HELD)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="silence after which the fallback is asked")
    parser.add_argument("--requests", type=int, default=800, help="of each partial failure")
    arguments = parser.parse_args()
    asyncio.run(print_partial(arguments.requests))
    print()
    print_table(arguments.seconds)


async def print_partial(requests: int) -> None:
    """The same request fails straight and through the gateway, each time that it is sent."""
    print("| of the requests | answered straight | through the gateway | ratio |")
    print("|---|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder, FakeUpstream() as plain, running(Path(folder)) as rig:
        for name, fake, percent in PARTIAL:
            plain.script = partial(_script, fake, percent)
            rig.publish(plan_for(plain.url, routes={"alone": Route("alone", deployment="base")}, experiments={}))
            straight, through = [await _answered(url, requests) for url in (plain.url, rig.url)]
            print(f"| {name} | {straight} | {through} | {through / straight:.3f} |", flush=True)


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


def print_table(seconds: float) -> None:
    sums: dict[str, Counter[str]] = {way: Counter() for way in WAYS}
    print(f"| fault | {' | '.join(WAYS)} |")
    print("|---|" + "---|" * len(WAYS))
    with tempfile.TemporaryDirectory() as folder, failover.servers() as faulty, running(Path(folder)) as rig:
        for fault in FAULTS:
            verdicts = dict(_verdicts(rig, faulty, fault, seconds))
            for way, verdict in verdicts.items():
                sums[way][verdict] += 1
            print(f"| {fault.name} | {' | '.join(verdicts[way] for way in WAYS)} |", flush=True)
    print(f"| **passes, safe, fails** | {' | '.join(_summed(sums[way]) for way in WAYS)} |")


def _summed(counts: Counter[str]) -> str:
    return f"**{counts['pass']}, {counts['safe']}, {counts['fail']}**"


def _verdicts(rig: Rig, faulty: failover.Servers, fault: Fault, seconds: float) -> Iterator[tuple[str, str]]:
    bare = failover.by_client(faulty.url(fault), "m", fault, timeout=seconds, max_retries=0)
    yield BARE, failover.meet(faulty, fault, bare).verdict(fault)
    policy = failover.by_policy(faulty, fault, timeout=seconds)
    yield POLICY, failover.meet(faulty, fault, policy).verdict(fault)
    limits = Timeouts(connect=2.0, idle=seconds, failover=seconds)
    for way, route, options in ((GATEWAY, "plain", {"max_retries": 0}), (DEFAULT, "plain", {}), (HELD, "held", {})):
        failover.publish(rig, faulty, fault, limits=limits)
        ask = failover.by_client(rig.url, route, fault, timeout=PATIENCE, **options)
        yield way, failover.meet(faulty, fault, ask).verdict(fault, 6 if way == DEFAULT else failover.MOST_CALLS)


if __name__ == "__main__":
    main()

"""Sixteen faults of a model's server: what a user notices with a bare client, a careful policy, and the gateway.

``python benchmarks/failover.py [--seconds N]`` prints the table of `docs/reference/providers.md`. ``N``: after how much
silence the fallback is asked, 1 by default; the time that a deployment has by default is 90.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent)

from fairtrial.domain.plan import Timeouts  # noqa: E402
from tests.fixtures.gateway import failover  # noqa: E402
from tests.fixtures.gateway.gateway_fixture import Rig, running  # noqa: E402
from tests.fixtures.upstream.faults import FAULTS, Fault  # noqa: E402
from tests.fixtures.waiting import PATIENCE  # noqa: E402

BARE, POLICY, GATEWAY, DEFAULT, HELD = (
    "a bare client",
    "the reference policy",
    "the gateway",
    "the gateway behind the default client",
    "with `hold: complete`",
)
WAYS = (BARE, POLICY, GATEWAY, DEFAULT, HELD)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="silence after which the fallback is asked")
    print_table(parser.parse_args().seconds)


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

"""What the record of a request costs: in the worker, in control, in bytes, and how soon it is in the store.

``python benchmarks/record.py --before CHECKOUT [--seconds 100] [--per-second 3500] [--json]``.
*Before* is another checkout with its own ``.venv``, or the unpacked program of a release. Its gateway, today's and
nginx (if it is installed) answer full load in turns. Then each runs a project of `fairtrial init` at a steady rate.
Upstream and load generator share the cores, so CPU is compared, not time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

from benchmarks import idle  # noqa: E402
from benchmarks.wire import earlier  # noqa: E402
from benchmarks.wire.servers import Server, nginx, upstream  # noqa: E402

FIGURES = (
    ("worker, full load", "worker_us", "µs of CPU a request"),
    ("worker, steady load", "steady_worker_us", "µs of CPU a request"),
    ("control", "control_us", "µs of CPU a request"),
    ("in the store, p50", "p50", "s after the answer"),
    ("in the store, p95", "p95", "s after the answer"),
    ("journal", "journal_bytes", "bytes a request"),
    ("store", "store_bytes", "bytes a request"),
)
RELEASED = "from fairtrial.cli.main import main; main()"
"""Starts the command line of release 0.1.0."""


def full_load(plain: Server, before: Path, seconds: float, folder: Path) -> dict[str, float]:
    """Microseconds of CPU for a request, by server: medians of rounds in turns."""
    checkouts = ((before, earlier.BEFORE), (HERE.parent.resolve(), earlier.NOW))
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(earlier.gateway_of(checkout, plain, folder / name.replace(" ", "-"), name))
            for checkout, name in checkouts
        ]
        limit = stack.enter_context(nginx(plain, folder))
        found = earlier.requests_per_core([*servers, *([] if limit is None else [limit])], seconds)
    return {name: 1e6 / per_core for name, per_core in found.items()}


def steady_load(plain: Server, checkout: Path, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The figures of a checkout's project at the steady rate."""
    program = ["-m", "fairtrial_cli.main"] if (checkout / "fairtrial_cli").exists() else ["-c", RELEASED]
    python = checkout / ".venv" / "bin" / "python"
    command = [str(python) if python.exists() else sys.executable, *program]
    with idle.project(folder, plain.port, command, {**os.environ, "PYTHONPATH": str(checkout)}) as up:
        much = idle.much_traffic(up, arguments.per_second, arguments.seconds)
    answers = much["answers"]
    cpu = {f"{name}_us": 1e6 * used / answers for name, used in much["cpu_seconds"].items()}
    return {**idle.stored(folder, much["begun_us"], answers), "answers": answers, **cpu}


def measure(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """All figures, by program."""
    before, now = arguments.before.resolve(), HERE.parent.resolve()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="fairtrial-record-") as place, upstream() as plain:
        folder = Path(place)
        full = full_load(plain, before, arguments.round_seconds, folder)
        for name, checkout in ((earlier.BEFORE, before), (earlier.NOW, now)):
            steady = steady_load(plain, checkout, arguments, folder / f"{name.replace(' ', '-')}-project")
            found[name] = {**steady, "steady_worker_us": steady["worker_us"], "worker_us": full.pop(name)}
        found |= {name: {"worker_us": used} for name, used in full.items()}
    return found


def report(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures and their ratios as a table."""
    before, now, limit = found[earlier.BEFORE], found[earlier.NOW], found.get("nginx", {})
    lines = [f"{'':22}{'nginx':>10}{'before':>10}{'now':>10}{'now/before':>12}"]
    for words, name, unit in FIGURES:
        of_nginx = f"{limit[name]:10.1f}" if name in limit else f"{'-':>10}"
        form = ".3f" if unit.startswith("s ") else ".1f"
        values = f"{before[name]:10{form}}{now[name]:10{form}}{now[name] / before[name]:12.3f}"
        lines.append(f"{words:22}{of_nginx}{values}  {unit}")
    lines += [
        f"{name}: {one['answers']:,} answers, missing {one['missing']}, twice {one['twice']}"
        for name, one in found.items()
        if "answers" in one
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", required=True, help="the program to compare with")
    parser.add_argument("--round-seconds", type=float, default=4, help="of full load, for each program and round")
    parser.add_argument("--per-second", type=int, default=3500, help="requests a second, for the steady load")
    parser.add_argument("--seconds", type=float, default=100, help="of steady load, for each program")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments)
    print(json.dumps(found, indent=2) if arguments.json else report(found))


if __name__ == "__main__":
    main()

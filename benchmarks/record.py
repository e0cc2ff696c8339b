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
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

from benchmarks import idle  # noqa: E402
from benchmarks.wire import earlier  # noqa: E402
from benchmarks.wire.programs import Program  # noqa: E402
from benchmarks.wire.servers import Server, nginx, upstream  # noqa: E402

BEFORE, NOW = "before", "now"
FIGURES = (
    ("worker, full load", "worker_us", "µs of CPU a request"),
    ("worker, steady load", "steady_worker_us", "µs of CPU a request"),
    ("control", "control_us", "µs of CPU a request"),
    ("in the store, p50", "p50", "s after the answer"),
    ("in the store, p95", "p95", "s after the answer"),
    ("journal", "journal_bytes", "bytes a request"),
    ("store", "store_bytes", "bytes a request"),
)


def full_load(plain: Server, programs: Sequence[Program], seconds: float, folder: Path) -> dict[str, float]:
    """Microseconds of CPU for a request, by server: medians of rounds in turns."""
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(earlier.gateway_of(program, plain, folder / program.name)) for program in programs
        ]
        limit = stack.enter_context(nginx(plain, folder))
        found = earlier.requests_per_core([*servers, *([] if limit is None else [limit])], seconds)
    return {name: 1e6 / per_core for name, per_core in found.items()}


def steady_load(plain: Server, program: Program, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The figures of a program's project at the steady rate."""
    with idle.project(folder, plain.port, program.command, program.environment) as up:
        much = idle.much_traffic(up, arguments.per_second, arguments.seconds)
    answers = much["answers"]
    cpu = {f"{name}_us": 1e6 * used / answers for name, used in much["cpu_seconds"].items()}
    return {**idle.stored(folder, much["begun_us"], answers), "answers": answers, **cpu}


def measure(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """All figures, by program."""
    programs = Program(BEFORE, arguments.before.resolve()), Program(NOW, HERE.parent.resolve())
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="fairtrial-record-") as place, upstream() as plain:
        folder = Path(place)
        full = full_load(plain, programs, arguments.round_seconds, folder)
        for program in programs:
            steady = steady_load(plain, program, arguments, folder / f"{program.name}-project")
            found[program.name] = {
                **steady,
                "steady_worker_us": steady["worker_us"],
                "worker_us": full.pop(program.name),
            }
        found |= {name: {"worker_us": used} for name, used in full.items()}
    return found


def report(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures and their ratios as a table."""
    before, now, limit = found[BEFORE], found[NOW], found.get("nginx", {})
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

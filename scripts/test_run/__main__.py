"""Runs `make test` and `make release`, and prints what each group of tests costs in CPU seconds."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from scripts.test_run.cpu import CpuRecord, print_table
from scripts.test_run.parts import EVERY_RUN, PARTS, Part, in_order, present_turn

AIM, WARNING = 750.0, 800.0
"""Calibrated CPU seconds of `make test`, and from which it warns; 750 are seven minutes on two idle cores."""
PYTEST = (sys.executable, "-m", "pytest", "-n", "2")
"""A third process would keep two cores busier, because tests also wait, and start every service a third time."""
RESERVE = 300.0
"""Seconds after the deadline that a part which has started may use; twice as many for a part of every run."""
LINTERS = (
    (sys.executable, "-m", "ruff", "check", "."),
    (sys.executable, "-m", "ruff", "format", "--check", "."),
    (sys.executable, "-m", "mypy"),
)


def test(options: argparse.Namespace) -> int:
    """The linters, then every test that is not marked for `make release`. Returns the exit code."""
    record = CpuRecord()
    for command in LINTERS:
        if code := record.run("linters", command):
            return code
    code = record.run("tests", [*PYTEST, "--durations=20", *options.pytest])
    calibrated = print_table(record)
    if calibrated > WARNING:
        sys.stdout.write(f"warning: {calibrated:.0f} calibrated CPU seconds, and the aim is {AIM:.0f}\n")
    if options.fail_beyond and calibrated > options.fail_beyond:
        sys.stdout.write(f"make test costs more than {options.fail_beyond:.0f} calibrated CPU seconds\n")
        return code or 1
    return code


def release(options: argparse.Namespace) -> int:
    """The parts in the order of this turn, then prints how each ended. Returns the exit code.

    None starts that would end after the deadline, except those of every run.
    """
    record = CpuRecord()
    factor = max(record.slowness, 1.0)
    results: dict[str, list[str]] = {"passed": [], "failed": [], "not finished": [], "left out for time": []}
    turn = present_turn()
    sys.stdout.write(f"turn {turn}\n")
    for part in in_order(turn):
        if options.only and part.name not in options.only:
            continue
        is_late = options.until and time.time() + part.seconds * factor > options.until
        if is_late and part.group != EVERY_RUN:
            results["left out for time"].append(part.name)
            continue
        sys.stdout.write(f"\n== {part.name}: {part.proves}\n")
        sys.stdout.flush()
        results[_result(record, part, options.until)].append(part.name)
    print_table(record)
    for result, names in results.items():
        sys.stdout.write(f"{result}: {', '.join(names) or 'none'}\n")
    return 1 if results["failed"] else 0


def _result(record: CpuRecord, part: Part, until: float | None) -> str:
    """``passed``, ``failed``, or ``not finished`` if it used up the reserve after the deadline."""
    reserve = 2 * RESERVE if part.group == EVERY_RUN else RESERVE
    limit = None if until is None else max(until + reserve - time.time(), 0.0)
    try:
        return "failed" if record.run(part.name, part.command(PYTEST), limit=limit) else "passed"
    except subprocess.TimeoutExpired:
        return "not finished"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.test_run", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    testing = commands.add_parser("test", help="the linters and the tests")
    testing.add_argument("--fail-beyond", type=float, metavar="SECONDS", help="calibrated CPU seconds that fail")
    testing.set_defaults(run=test)
    releasing = commands.add_parser("release", help="the parts of the release tests")
    releasing.add_argument(
        "--until", type=float, metavar="TIME", help="seconds since 1970 at which all should have ended"
    )
    releasing.add_argument("--only", action="append", choices=[part.name for part in PARTS], help="run this part only")
    releasing.set_defaults(run=release)
    options, rest = parser.parse_known_args()
    options.pytest = rest
    run: int = options.run(options)
    return run


if __name__ == "__main__":
    sys.exit(main())

"""Runs `make test` and `make release`, and prints what each group of tests costs in CPU seconds."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from scripts.test_run.parts import PARTS, Part

from scripts.test_run.cpu import CpuRecord, print_table

AIM = 840.0
"""Calibrated CPU seconds of `make test`: seven minutes on two idle cores."""
PYTEST = (sys.executable, "-m", "pytest", "-n", "3")
"""Three processes keep two cores busy, because tests also wait."""
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
    calibrated = print_table(record, record.close())
    if calibrated > AIM:
        sys.stdout.write(f"warning: {calibrated:.0f} calibrated CPU seconds, and the aim is {AIM:.0f}\n")
    if options.fail_beyond and calibrated > options.fail_beyond:
        sys.stdout.write(f"make test costs more than {options.fail_beyond:.0f} calibrated CPU seconds\n")
        return code or 1
    return code


def release(options: argparse.Namespace) -> int:
    """The parts in their order; none starts that would end after the deadline. Returns the exit code."""
    record, left_out, failed = CpuRecord(), [], []
    factor = max(record.close(), 1.0)
    for part in PARTS:
        if options.only and part.name not in options.only:
            continue
        if options.until and time.time() + part.seconds * factor > options.until:
            left_out.append(part.name)
            continue
        sys.stdout.write(f"\n== {part.name}: {part.proves}\n")
        sys.stdout.flush()
        if not _passes(record, part, options.until):
            failed.append(part.name)
    print_table(record, record.close())
    sys.stdout.write(
        f"left out for time: {', '.join(left_out) or 'nothing'}\nfailed: {', '.join(failed) or 'nothing'}\n"
    )
    return 1 if failed else 0


def _passes(record: CpuRecord, part: Part, until: float | None) -> bool:
    """Whether a part passes; one that the deadline's reserve ends has neither passed nor failed, and is named."""
    limit = None if until is None else max(until + RESERVE - time.time(), 60.0)
    try:
        return record.run(part.name, part.command(PYTEST), limit=limit) == 0
    except subprocess.TimeoutExpired:
        sys.stdout.write(f"{part.name}: not finished within the time limit\n")
        return True


RESERVE = 600.0
"""Seconds beyond the deadline that a part which has started may use."""


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

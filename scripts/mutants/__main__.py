"""Measures by mutants how much of the code the tests check (`make mutants`).

Existing tools (mutmut, Cosmic Ray) run one fixed set of tests against every mutant of a file; none draws a sample by
package, selects tests by imports, or counts the CPU of the processes that tests start.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.import_graph import PACKAGES
from scripts.mutants.campaign import Campaign, Limits, Result
from scripts.mutants.draw import draw
from scripts.mutants.select_tests import TestSelection

ROOT = Path(__file__).parents[2]
DEFAULTS = Limits()


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT, packages: Sequence[str] = PACKAGES) -> None:
    """Draw, run, and print the share of caught mutants and each survivor."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the copies are removed on the way out
    limits = Limits(options.cpu, options.minutes, options.files)
    campaign = Campaign(root, packages, limits)
    mutants = draw(root, packages, count=options.count, seed=options.seed)
    selection = TestSelection(root, (*packages, "tests", "scripts", "benchmarks"))
    finished: list[Result] = []

    def report(result: Result) -> None:
        """One line for a person who waits, and the file anew, so that an interrupted run leaves what it found."""
        finished.append(result)
        print(f"{result.status:10} {result.path}:{result.line}", file=sys.stderr, flush=True)
        if options.json:
            _write(options.json, options.seed, campaign, finished)

    with TemporaryDirectory(prefix="m-") as folder:
        select = partial(selection.nearest, most=limits.test_files)
        results = campaign.run(mutants, select, folder=Path(folder), jobs=options.jobs, report=report)
    print(table(results, packages, sorted(campaign.red)))


def _write(path: Path, seed: int, campaign: Campaign, results: Sequence[Result]) -> None:
    record = {"seed": seed, "red": sorted(campaign.red), "mutants": [asdict(result) for result in results]}
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def table(results: Sequence[Result], packages: Sequence[str], red: Sequence[str]) -> str:
    """The shares by package, then each survivor with the tests that ran."""
    lines = [f"{'':15}{'caught':>10}{'decided':>10}{'share':>10}{'undecided':>12}{'not run':>10}"]
    lines += [_row(package, [one for one in results if one.package == package]) for package in packages]
    lines.append(_row("all", results))
    for heading, status in (("survived", "survived"), ("undecided at the CPU limit", "undecided")):
        for one in (one for one in results if one.status == status):
            lines += ["", f"{one.path}:{one.line}  {heading} ({one.operator})"]
            lines += [f"  - {text}" for text in one.original.split("\n")]
            lines += [f"  + {text}" for text in one.mutated.split("\n")]
            lines.append(f"  {len(one.tests)} test files: {' '.join(one.tests) or 'no test imports it'}")
    if red:
        lines += ["", "These tests fail without a mutation and were left out:", *(f"  {path}" for path in red)]
    return "\n".join(lines)


def _row(name: str, results: Sequence[Result]) -> str:
    counts = {status: sum(one.status == status for one in results) for status in STATUSES}
    decided = counts["caught"] + counts["survived"]
    share = f"{counts['caught'] / decided:.0%}" if decided else "-"
    return f"{name:15}{counts['caught']:10}{decided:10}{share:>10}{counts['undecided']:12}{counts['not run']:10}"


STATUSES = ("caught", "survived", "undecided", "not run")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make mutants", description="Run the nearest tests against small changes of the code."
    )
    parser.add_argument("--count", type=int, default=60, help="mutants, equally from each package (60)")
    parser.add_argument("--seed", type=int, default=1, help="what draws them (1)")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="mutants at a time (2)")
    parser.add_argument("--cpu", type=float, default=DEFAULTS.cpu_seconds, help="CPU seconds for one mutant (60)")
    parser.add_argument("--minutes", type=float, default=DEFAULTS.minutes, help="minutes for all mutants (30)")
    parser.add_argument("--files", type=int, default=DEFAULTS.test_files, help="most test files for one mutant (24)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write each mutant and its tests to a file")
    return parser


if __name__ == "__main__":
    main()

"""What the present tree costs beside an earlier release: each kind of work in pairs, in one run, as ratios.

    python benchmarks/since.py [--before CHECKOUT] [--only PART] [--rounds 6] [--write] [--json]

The earlier program is that of the newest release with a fixture, of another one (``--release 0.2.0``), or of a
checkout. The exit code is 1 if any kind of work costs more than 1.1 times what it cost there, beyond doubt: the ratio's
lower bound decides, and a second measurement must say the same, because one bound in forty errs. With ``--write``, the
table of `docs/reference/speed.md` becomes that of this run.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # a file beside this one has the name of a package of ours

from benchmarks.since_work import commands, experiments, services  # noqa: E402
from benchmarks.wire import earlier  # noqa: E402
from benchmarks.wire.paired import Row, merged, table  # noqa: E402
from benchmarks.wire.programs import Program, of_release  # noqa: E402
from benchmarks.wire.servers import Server, upstream  # noqa: E402
from tests.fixtures.releases.unpacked import releases  # noqa: E402

MOST = 1.10
DEARER = 1.03
"""Up to here, a ratio counts as no dearer in the table."""
ACCEPTED: Mapping[str, Mapping[str, tuple[float, str]]] = {
    "release 0.2.0": {
        commands.LOOK: (2.5, "reads each unit's first hour and day since 0.2.0 (ADR 51, ADR 61)"),
        commands.AUDIT: (3.0, "cross-validates labels, and judges languages and damaged texts since 0.2.0 (ADR 61)"),
    }
}
"""Earlier program → work that costs more than there by decision: the limit of its ratio, and the reason."""
RATIO_ALONE = "at rest"
"""Work whose costs are not shown: `idle.py` measures them for longer, and docs/measurements.md has the figure."""
PAGE = ROOT / "docs" / "reference" / "speed.md"
BEGIN, END = "<!-- benchmarks/since.py -->", "<!-- end -->"
PARTS = ("gateway", "commands", "services", "experiments")


Measured = Mapping[str, Sequence[Row]]
"""The rows of each part."""


def measure(
    parts: Sequence[str], programs: tuple[Program, Program], folder: Path, arguments: argparse.Namespace
) -> Measured:
    """One row for each kind of work in the parts."""
    found = {}
    with upstream() as plain:
        for part in parts:
            began = time.monotonic()
            found[part] = merged(_part(part, plain, programs, folder, arguments))
            print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return found


def confirmed(first: Measured, before: str, again: Callable[[Sequence[str]], Measured]) -> tuple[list[Row], list[Row]]:
    """The rows of all pairs, and those that are too slow in each of two measurements.

    ``again``: measures parts once more, which is done for those with a row that is too slow.
    """
    doubted = [part for part, rows in first.items() if too_slow(rows, before)]
    second = again(doubted) if doubted else {}
    rows = merged(row for measured in (first, second) for part in measured.values() for row in part)
    slow = [{row.work for part in measured.values() for row in too_slow(part, before)} for measured in (first, second)]
    return rows, [row for row in rows if row.work in slow[0] & slow[1]]


def _part(
    part: str, plain: Server, programs: tuple[Program, Program], folder: Path, arguments: argparse.Namespace
) -> Iterator[Row]:
    if part == "gateway":
        return earlier.pairs(plain, programs, folder / part, arguments.seconds, arguments.rounds)
    if part == "services":
        return services.pairs(plain, programs, folder / part)
    if part == "experiments":
        return experiments.pairs(programs, folder / part)
    return commands.pairs(programs, folder, plain.port)


def works() -> list[str]:
    """The names of all rows beside a release's fixture, which has no dashboard."""
    ofs = (earlier.works(), [work.name for work in commands.works(0)], services.works(shown=False), experiments.works())
    return [name for of in ofs for name in of]


def too_slow(rows: Sequence[Row], before: str) -> list[Row]:
    """The rows whose lower bound is above the limit, beside that program."""
    accepted = ACCEPTED.get(before, {})
    return [row for row in rows if row.bounds[0] > accepted.get(row.work, (MOST, ""))[0]]


def as_markdown(rows: Sequence[Row], programs: tuple[Program, Program]) -> str:
    """The table of the page: a row for every kind of work, also for one that the earlier program lacks."""
    before, now = programs
    found = {row.work: row for row in rows}
    lines = [
        f"| work | {before.commit} | {now.commit} | ratio | at least | at most | result |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for work in works():
        if (row := found.get(work)) is None:
            lines.append(f"| {work} | – | – | – | – | – | {before.commit} lacks it |")
            continue
        low, high = row.bounds
        costs = "– | –" if work.startswith(RATIO_ALONE) else f"{row.before:.3g} {row.unit} | {row.now:.3g}"
        lines.append(f"| {work} | {costs} | {row.ratio:.2f} | {low:.2f} | {high:.2f} | {result(row, before.commit)} |")
    return "\n".join(lines)


def result(row: Row, before: str) -> str:
    """Whether the work got dearer, or up to which limit that is accepted, and why."""
    if (accepted := ACCEPTED.get(before, {}).get(row.work)) is not None:
        return f"*accepted* up to {accepted[0]:g}: {accepted[1]}"
    low, high = row.bounds
    return "met" if high <= DEARER else "*missed*" if low > DEARER else "*not settled*"


def write(text: str) -> None:
    """Put the table into the page."""
    page = PAGE.read_text(encoding="utf-8")
    whole = re.sub(f"(?s){BEGIN}.*?{END}", lambda _: f"{BEGIN}\n{text}\n{END}", page)
    PAGE.write_text(whole, encoding="utf-8")


def main() -> None:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    earlier_program = parser.add_mutually_exclusive_group()
    earlier_program.add_argument("--release", choices=releases(), default=releases()[-1], help="compare with this one")
    earlier_program.add_argument("--before", type=Path, metavar="CHECKOUT", help="compare with another checkout")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part only")
    parser.add_argument("--rounds", type=int, default=6, help="pairs of gateways")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each load on a gateway")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reference/speed.md")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.write and arguments.only:
        parser.error("--write needs all parts, because the table has a row for every kind of work")
    with tempfile.TemporaryDirectory(prefix="fairtrial-since-") as place:
        folder = Path(place)
        now = Program("now", ROOT)
        before = (
            Program("before", arguments.before.resolve())
            if arguments.before
            else of_release(arguments.release, folder / "released")
        )
        first = measure(arguments.only or PARTS, (before, now), folder, arguments)
        again = folder / "again"
        again.mkdir()
        rows, slow = confirmed(first, before.commit, lambda parts: measure(parts, (before, now), again, arguments))
        if arguments.write:
            write(as_markdown(rows, (before, now)))
        print(json.dumps([asdict(row) for row in rows]) if arguments.json else table(rows))
    for row in slow:
        print(f"slower than {before.commit}: {row.work}, at least {row.bounds[0]:.2f} times", file=sys.stderr)
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()

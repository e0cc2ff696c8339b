"""CPU seconds of `fairtrial eval` beside its peers, and of text scorers beside the reference implementations.

    python benchmarks/engine.py [--runs 5] [--before CHECKOUT] [--only eval|scorers] [--tokens 100]
        [--characters 500] [--json]

Each evaluation has 1,000 exact cases, 50 at a time, on one instant upstream. It is a process, measured with all that it
starts, in an empty folder, and stores its results: `fairtrial eval` in its DuckDB store, promptfoo in its SQLite
database, Inspect AI in its log file. A bare loop of aiohttp, which stores nothing, is the floor. All run in turns. The
peers are installed once into the cache folder. A ratio is *CPU of the program over that of `fairtrial eval`*.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # a file beside this one has the name of a package of ours

from benchmarks.engine_work import scorers  # noqa: E402
from benchmarks.engine_work.programs import CONCURRENCY, OURS, Evaluation, bare, ours, peers  # noqa: E402
from benchmarks.since_work.commands import CASES  # noqa: E402
from benchmarks.wire.paired import Row  # noqa: E402
from benchmarks.wire.programs import Program  # noqa: E402
from benchmarks.wire.servers import upstream  # noqa: E402

CACHE = Path.home() / ".cache" / "fairtrial-bench"
PARTS = ("eval", "scorers")


def measure(evaluations: Sequence[Evaluation], runs: int) -> dict[str, list[float]]:
    """The CPU seconds of each run of each program; every round has another order, and the first one is not counted."""
    costs: dict[str, list[float]] = {evaluation.name: [] for evaluation in evaluations}
    with upstream() as plain:
        for number in range(runs + 1):
            first = number % len(evaluations)
            for evaluation in (*evaluations[first:], *evaluations[:first]):
                with tempfile.TemporaryDirectory(prefix="fairtrial-engine-") as folder:
                    costs[evaluation.name].append(evaluation.cost(Path(folder), plain.port))
    return {name: seconds[1:] for name, seconds in costs.items()}


def compared(costs: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """The median and the spread of each program, and its ratio to `fairtrial eval` with the bounds."""
    rows = []
    for name, seconds in costs.items():
        row = Row(name, "CPU s", list(zip(costs[OURS], seconds, strict=True)))
        spread = {"median": row.now, "least": min(seconds), "most": max(seconds), "runs": len(seconds)}
        rows.append({"program": name, **spread, "ratio": row.ratio, "bounds": row.bounds})
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as text."""
    lines = [f"{'CPU seconds':24}{'median':>9}{'least':>9}{'most':>9}{'ratio':>9}{'at least':>10}{'at most':>9}"]
    for row in rows:
        spread = f"{row['median']:>9.2f}{row['least']:>9.2f}{row['most']:>9.2f}"
        low, high = row["bounds"]
        bounds = "" if row["program"] == OURS else f"{row['ratio']:>9.2f}{low:>10.2f}{high:>9.2f}"
        lines.append(f"{row['program']:24}{spread}{bounds}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="of each program")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="also measure the program of another checkout")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part only")
    parser.add_argument("--cache", type=Path, default=CACHE, help="the peers' folder, made if it isn't there")
    parser.add_argument("--tokens", type=int, default=100, help="words of each text that is scored")
    parser.add_argument("--characters", type=int, default=0, help="of each answer, at least; a few without it")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    if "eval" in (arguments.only or PARTS):
        length = arguments.characters
        evaluations = [ours(Program("now", ROOT), length), *peers(arguments.cache, length), bare(length)]
        if arguments.before:
            before = Program("before", arguments.before.resolve())
            evaluations.insert(1, ours(before, length, f"{OURS}, {before.commit}"))
        found["eval"] = compared(measure(evaluations, arguments.runs))
    if "scorers" in (arguments.only or PARTS):
        found["scorers"] = scorers.compare_scorers(CASES, arguments.tokens)
    if arguments.json:
        print(json.dumps(found))
        return
    if "eval" in found:
        print(f"{CASES:,} exact cases, {CONCURRENCY} at a time, {arguments.runs} runs of each in turns")
        print(table(found["eval"]))
    if "scorers" in found:
        print(f"ROUGE 1, 2 and L, BLEU and chrF of {CASES:,} texts of {arguments.tokens} words, CPU seconds")
        print(f"  rouge-score and sacrebleu  {found['scorers']['bare_scorers_cpu_s']:6.3f}")
        print(f"  fairtrial's scorers        {found['scorers']['scorers_cpu_s']:6.3f}", end="")
        print(f"   {found['scorers']['scorers_ratio']} times")


if __name__ == "__main__":
    main()

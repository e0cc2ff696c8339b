"""Compares the negative controls of the gate with the labels of a hundred gates, and measures what they cost.

    python benchmarks/controls.py [--only labels- tiny] [--lines] [--json found.json]

Somebody labelled each gate as content or form, by its words alone, before the code that tells the two apart existed.
Each candidate would SHIP. Suites are loaded, answers scored and gates judged by the product's own functions. The
program may differ from the labels in at most 2 %. Scoring with controls may take at most five times the CPU time of
scoring without them where an answer takes less than 1 ms. Exit code 1 if a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from benchmarks.control_trials import program  # noqa: E402
from benchmarks.control_trials.all_entries import ENTRIES  # noqa: E402
from benchmarks.control_trials.answers import right  # noqa: E402
from benchmarks.control_trials.entry import Entry, Label, Written  # noqa: E402
from benchmarks.control_trials.judged import answers_of, gate_of, scored, verdict_on  # noqa: E402
from benchmarks.control_trials.labelled import FOUR, QUEUES  # noqa: E402
from benchmarks.control_trials.rows import facts, prose, tickets  # noqa: E402
from benchmarks.control_trials.structured import FIELDS  # noqa: E402

MOST_DIFFERENT = 0.02
MOST_TIMES, CHEAP_S = 5.0, 0.001
"""The limit of the ratio, for scorers that take less CPU time than this for an answer."""
ROUNDS = 21
ERRORS = ("errors <= 1%",)
SPEED = {
    "label": Written(FOUR, QUEUES, ERRORS),
    "exact": Written(facts(100), "[exact: strip]", ERRORS),
    "rouge": Written(prose(120), "[rouge: [1, L]]", ERRORS),
    "json fields": Written(tickets(200), FIELDS, ERRORS),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One entry: its label, and what the program says; ``wrong``: why that is no answer."""

    name: str
    label: Label
    said: Label | None
    wrong: str
    shuffled: str
    empty: str
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def agrees(self) -> bool:
        return self.said == self.label and not self.wrong


@dataclass(frozen=True, slots=True)
class Cost:
    """The CPU seconds of scoring one answer without controls, and of the same with controls."""

    scorer: str
    without: float
    with_controls: float

    @property
    def times(self) -> float:
        return self.with_controls / self.without

    @property
    def kept(self) -> bool:
        """Whether the limit is met; scorers that are slow by themselves have none."""
        return self.without >= CHEAP_S or self.times <= MOST_TIMES


def row_of(entry: Entry) -> Row:
    """The entry judged; before the program has controls, a SHIP is all that can be checked."""
    verdict = verdict_on(entry)
    opinion = program.opinion(verdict)
    if not program.exists() and verdict.decision == "SHIP":
        return Row(entry.name, entry.label, None, "", "", "")
    return Row(entry.name, entry.label, opinion.label, opinion.wrong, opinion.shuffled, opinion.empty, opinion.lines)


def cost_of(scorer: str, written: Written) -> Cost:
    """Medians over some rounds, which alternate so that both see the same machine."""
    with tempfile.TemporaryDirectory() as folder:
        suite = gate_of(Entry(scorer, (written,), right(90), right(80), "form", ""), Path(folder)).suites[0]
    answers = answers_of(suite, right(90))
    without, added = [], []
    for _ in range(ROUNDS):
        began = time.process_time()
        results = scored(suite, answers)
        without.append(time.process_time() - began)
        began = time.process_time()
        program.with_controls(suite, results)
        added.append(time.process_time() - began)
    once = statistics.median(without) / len(answers)
    return Cost(scorer, once, once + statistics.median(added) / len(answers))


def different(rows: Sequence[Row]) -> float:
    """The share of entries on which program and label differ."""
    return sum(not row.agrees for row in rows) / len(rows)


def missed(rows: Sequence[Row], costs: Sequence[Cost]) -> list[str]:
    """A sentence for each limit that is missed."""
    found = []
    if not program.exists():
        found.append(program.ABSENT)
        found += [f"{row.name} is not SHIP" for row in rows if row.wrong]
    elif different(rows) > MOST_DIFFERENT:
        found.append(f"{different(rows):.1%} of the entries differ, and {MOST_DIFFERENT:.0%} may")
    found += [f"scoring {cost.scorer} takes {cost.times:.1f} times as long" for cost in costs if not cost.kept]
    return found


def print_rows(rows: Sequence[Row], *, lines: bool) -> None:
    """The table, with the kind of each line on request."""
    print(f"{'entry':<44}{'label':<10}{'program':<10}{'shuffled':<10}{'empty':<10}")
    for row in rows:
        verdict = "agree" if row.agrees else "no controls" if row.said is None and not row.wrong else "DIFFER"
        said = row.said or "–"
        print(f"{row.name:<44}{row.label:<10}{said:<10}{row.shuffled or '–':<10}{row.empty or '–':<10}{verdict}")
        if row.wrong:
            print(f"    {row.wrong}")
        for rule, kind in row.lines if lines or (row.said is not None and not row.agrees) else ():
            print(f"    {kind:<13}{rule}")


def print_costs(costs: Sequence[Cost]) -> None:
    """The CPU time of scoring."""
    print(f"{'scorer':<20}{'µs an answer':>14}{'with controls':>15}{'times':>8}  (at most {MOST_TIMES:g} below 1 ms)")
    for cost in costs:
        print(f"{cost.scorer:<20}{cost.without * 1e6:>14.1f}{cost.with_controls * 1e6:>15.1f}{cost.times:>8.2f}")


def main() -> int:
    """Print the table, the costs and the limits that are missed."""
    parser = argparse.ArgumentParser(description="Compare the gate's negative controls with labels.")
    parser.add_argument("--only", nargs="+", default=[""], metavar="START", help="entries that begin like this")
    parser.add_argument("--lines", action="store_true", help="print the kind of each line")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    arguments = parser.parse_args()
    entries = [entry for entry in ENTRIES if entry.name.startswith(tuple(arguments.only))]
    if not entries:
        parser.error("no entry begins like this")
    rows = [row_of(entry) for entry in entries]
    print_rows(rows, lines=arguments.lines)
    costs = [cost_of(scorer, written) for scorer, written in SPEED.items()]
    print_costs(costs)
    unshippable = sum(bool(row.wrong) for row in rows)
    print(f"{len(rows)} entries, {unshippable} without a usable verdict; ", end="")
    print(f"{different(rows):.1%} differ (at most {MOST_DIFFERENT:.0%})" if program.exists() else "none compared")
    problems = missed(rows, costs)
    for problem in problems:
        print(f"MISSED: {problem}")
    if arguments.json:
        found = {"rows": [asdict(row) for row in rows], "costs": [asdict(cost) for cost in costs], "missed": problems}
        arguments.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""Measures the audit of training data: what it finds of planted faults, and its time and memory beside other cleaners.

``python benchmarks/audit.py [--only faults|generated|speed] [--seeds 20] [--rows 100000] [--json]``.
``--only speed --before COMMIT`` compares the speed with that of an earlier commit, in turns and in the same run.
`faults` plants some fifty kinds of faults into real texts of nine packages (`audit_trials/development.py`, and
`audit_trials/former.py`, which was sealed before), and prints recall and false alarms by kind and source.
``--examples FILE`` writes rows that were missed or wrongly named, and ``--write`` renews
`evaluators/training_data/reliability.json`. ``--sealed`` measures the texts and the wordings of
`audit_trials/sealed_set`, on which nothing was set: it is run once for a version, and its figures stand as they fall.
The faults of `generated` (1 % personal text, 2 % near duplicates, 3 % contradicting labels, one flipped slice, 40
leaked rows) are planted together, into generated reports and into the shipped tickets. The other cleaners are
Presidio's pattern recognisers and datatrove's formatter; both search for personal text only, where the audit does all
of its checks.
They are installed once into an environment of their own.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parent.parent)

from benchmarks.audit_trials import former  # noqa: E402
from benchmarks.audit_trials.development import SOURCES  # noqa: E402
from benchmarks.audit_trials.fault_table import examples, lines, reliability  # noqa: E402
from benchmarks.audit_trials.faults import as_json, false_alarms, generated, table, tickets  # noqa: E402
from benchmarks.audit_trials.found import measure  # noqa: E402
from benchmarks.audit_trials.planted.all_faults import FAULTS  # noqa: E402
from benchmarks.audit_trials.planted.wordings import DEVELOPMENT  # noqa: E402
from benchmarks.audit_trials.sealed_set import trial  # noqa: E402
from benchmarks.audit_trials.speed import measure_against, measure_speed, print_against, print_speed  # noqa: E402
from evaluators.training_data.reliability import MEASURED  # noqa: E402


def measure_faults(*, sealed: bool, write: bool, examples_to: Path | None, quiet: bool) -> list[dict[str, Any]]:
    """What is found of the faults that are planted into real texts, by kind and source."""
    faults = trial.FAULTS if sealed else FAULTS
    if sealed:
        figures = measure(trial.SOURCES, trial.WORDING, faults, trial.PAIRS)
    else:
        figures = [*measure(SOURCES, DEVELOPMENT), *measure(former.SOURCES, former.WORDING)]
    measured = reliability(figures, faults)
    if not quiet:
        print("\n".join(lines(figures, faults)))
    if examples_to is not None:
        examples_to.write_text("\n".join(examples(figures, faults)) + "\n", encoding="utf-8")
    if write:
        rows = ",\n".join(json.dumps(row) for row in measured)
        MEASURED.write_text(f"[\n{rows}\n]\n", encoding="utf-8")
    return measured


def main() -> None:
    """Print the tables, or everything as JSON."""
    parser = argparse.ArgumentParser(description="Measure the audit of training data.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--planted-rows", type=int, default=3_000)
    parser.add_argument("--other-rows", type=int, default=5_000)
    parser.add_argument("--only", choices=("faults", "generated", "speed"))
    parser.add_argument("--before", metavar="COMMIT", help="An earlier commit, whose speed is measured in turns.")
    parser.add_argument("--rounds", type=int, default=2, help="How often both are measured with --before.")
    parser.add_argument("--sealed", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--examples", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.sealed and asked.write:
        parser.error("--write takes the development set only")
    result: dict[str, Any] = {}
    if asked.sealed or asked.only in (None, "faults"):
        result["planted"] = measure_faults(
            sealed=asked.sealed, write=asked.write, examples_to=asked.examples, quiet=asked.json
        )
    if not asked.sealed and asked.only in (None, "generated"):
        trials = {
            "generated reports": generated(asked.seeds, asked.planted_rows),
            "shipped tickets": tickets(asked.seeds),
        }
        alarms = false_alarms(asked.seeds)
        result |= {"faults": {name: as_json(of) for name, of in trials.items()}, "false_alarms": alarms}
        if not asked.json:
            print("\n".join(line for name, of in trials.items() for line in table(name, of)))
            print("\n".join(f"alarms in {name}: {count} of {sets}" for name, (count, sets) in alarms.items()))
    holds = True
    if not asked.sealed and asked.only in (None, "speed") and asked.before:
        result["speed"] = measure_against(asked.before, asked.rows, asked.rounds)
        holds = asked.json or print_against(result["speed"], asked.before)
    elif not asked.sealed and asked.only in (None, "speed"):
        result["speed"] = measure_speed(asked.rows, asked.other_rows)
        if not asked.json:
            print_speed(result["speed"], "audit, all checks")
    if asked.json:
        print(json.dumps(result, indent=2))
    sys.exit(not holds)


if __name__ == "__main__":
    main()

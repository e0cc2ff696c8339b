"""Measures the audit of training data: what it finds of planted faults, and its time and memory beside other cleaners.

``python benchmarks/audit.py [--seeds 20] [--rows 100000] [--other-rows 5000] [--only faults|speed] [--before COMMIT]
[--json]``. With ``--before``, the speed is compared with that of an earlier commit, in turns and in the same run.
The faults (1 % personal text, 2 % near duplicates, 3 % contradicting labels, one flipped slice, 40 leaked rows) are
planted together, into generated reports and into the shipped tickets. The other cleaners are Presidio's pattern
recognisers and datatrove's formatter; both search for personal text only, where the audit does all of its checks.
They are installed once into an environment of their own.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parent.parent)

from benchmarks.audit_trials.faults import as_json, false_alarms, generated, table, tickets  # noqa: E402
from benchmarks.audit_trials.speed import measure_against, measure_speed, print_against, print_speed  # noqa: E402


def main() -> None:
    """Print the tables, or everything as JSON."""
    parser = argparse.ArgumentParser(description="Measure the audit of training data.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--planted-rows", type=int, default=3_000)
    parser.add_argument("--other-rows", type=int, default=5_000)
    parser.add_argument("--only", choices=("faults", "speed"))
    parser.add_argument(
        "--before", metavar="COMMIT", help="An earlier commit, whose speed is measured in the same run."
    )
    parser.add_argument("--rounds", type=int, default=2, help="How often both are measured with --before.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    result: dict[str, Any] = {}
    if asked.only != "speed":
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
    if asked.only != "faults" and asked.before:
        result["speed"] = measure_against(asked.before, asked.rows, asked.rounds)
        holds = asked.json or print_against(result["speed"], asked.before)
    elif asked.only != "faults":
        result["speed"] = measure_speed(asked.rows, asked.other_rows)
        if not asked.json:
            print_speed(result["speed"], "audit, all checks")
    if asked.json:
        print(json.dumps(result, indent=2))
    sys.exit(not holds)


if __name__ == "__main__":
    main()

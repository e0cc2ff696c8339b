"""Measures the audit of training data: what it finds of planted faults, and its time and memory beside other cleaners.

``python benchmarks/audit.py [--only faults|generated|speed] [--seeds 20] [--rows 100000] [--json]``.
`faults` plants some fifty kinds of faults into real texts of four packages (`audit_trials/development.py`), and prints
recall and false alarms by kind and source. ``--examples FILE`` writes rows that were missed or wrongly named, and
``--write`` renews `evaluators/training_data/reliability.json`. ``--sealed`` measures the texts and the wordings of
`audit_trials/sealed.py`, on which nothing was set: it is run once for a version, and its figures stand as they fall.
The faults of `generated` (1 % personal text, 2 % near duplicates, 3 % contradicting labels, one flipped slice, 40
leaked rows) are planted together, into generated reports and into the shipped tickets. The other cleaners are
Presidio's pattern recognisers and datatrove's formatter; both search for personal text only, where the audit does all
of its checks.
They are installed once into an environment of their own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

from benchmarks.audit_trials.development import SOURCES  # noqa: E402
from benchmarks.audit_trials.fault_table import examples, lines, reliability  # noqa: E402
from benchmarks.audit_trials.faults import as_json, false_alarms, generated, table, tickets  # noqa: E402
from benchmarks.audit_trials.found import measure  # noqa: E402
from benchmarks.audit_trials.planted.all_faults import FAULTS  # noqa: E402
from benchmarks.audit_trials.planted.wordings import DEVELOPMENT  # noqa: E402
from evaluators.training_data.reliability import MEASURED  # noqa: E402
from tests.fixtures.training_data.reports import as_lines, sound_rows  # noqa: E402

ROOM = Path.home() / ".cache" / "fairtrial-bench" / "cleaners"
CLEANERS = ("presidio-analyzer==2.2.366", "datatrove==0.10.1")
AUDIT = """
import json, resource, sys, time
from pathlib import Path
from evaluators.training_data.audit import audit
from evaluators.training_data.checks.personal_text import find_kinds
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import read_examples
began, cpu = time.perf_counter(), time.process_time()
file = read_examples(Path(sys.argv[1]))
if sys.argv[2] == "all":
    finds = len(audit([file]).issues)
else:
    began, cpu = time.perf_counter(), time.process_time()
    finds = len(list(find_kinds(Corpus((file,), ("train",)))))
print(json.dumps({"rows": len(file.examples), "finds": finds, "seconds": time.perf_counter() - began,
    "cpu_seconds": time.process_time() - cpu, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def measure_faults(*, sealed: bool, write: bool, examples_to: Path | None, quiet: bool) -> list[dict[str, Any]]:
    """What is found of the faults that are planted into real texts, by kind and source."""
    if sealed:
        from benchmarks.audit_trials import sealed as of_sealed

        figures = measure(of_sealed.SOURCES, of_sealed.WORDING)
    else:
        figures = measure(SOURCES, DEVELOPMENT)
    measured = reliability(figures, FAULTS)
    if not quiet:
        print("\n".join(lines(figures, FAULTS)))
    if examples_to is not None:
        examples_to.write_text("\n".join(examples(figures, FAULTS)) + "\n", encoding="utf-8")
    if write:
        rows = ",\n".join(json.dumps(row) for row in measured)
        MEASURED.write_text(f"[\n{rows}\n]\n", encoding="utf-8")
    return measured


def measure_speed(rows: int, other_rows: int) -> dict[str, dict[str, float]]:
    """Time and memory of each cleaner, each in a process of its own."""
    python = _environment()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text(as_lines(sound_rows(rows, seed=1)), encoding="utf-8")
        cleaner = str(HERE / "audit_trials" / "cleaners.py")
        calls = {
            "audit, all checks": [sys.executable, "-c", AUDIT, str(path), "all"],
            "audit, personal text": [sys.executable, "-c", AUDIT, str(path), "personal"],
            "Presidio's patterns": [str(python), cleaner, "presidio", str(path), str(min(rows, other_rows))],
            "datatrove's formatter": [str(python), cleaner, "datatrove", str(path), str(rows)],
        }
        return {name: _figures(call) for name, call in calls.items()}


def _figures(call: list[str]) -> dict[str, float]:
    done = subprocess.run(call, capture_output=True, text=True, check=True, cwd=HERE.parent)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**figures, "cpu_per_1000": 1000 * figures["cpu_seconds"] / figures["rows"]}


def _environment() -> Path:
    python = ROOM / "bin" / "python"
    if not (ROOM / "installed").exists():
        print(f"installing {' and '.join(CLEANERS)} into {ROOM} (once; some minutes)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(ROOM)], check=True)
        subprocess.run([str(ROOM / "bin" / "pip"), "install", "--quiet", *CLEANERS], check=True)
        (ROOM / "installed").touch()
    return python


def print_speed(found: dict[str, dict[str, float]]) -> None:
    """A table; the ratio is CPU time for each row, against all checks of the audit."""
    base = found["audit, all checks"]["cpu_per_1000"]
    print(f"{'':<24}{'rows':>9}{'seconds':>9}{'CPU s':>8}{'CPU s/1000':>12}{'ratio':>8}{'peak MB':>9}")
    for name, of in found.items():
        print(
            f"{name:<24}{of['rows']:>9,.0f}{of['seconds']:>9.1f}{of['cpu_seconds']:>8.1f}{of['cpu_per_1000']:>12.3f}"
            f"{of['cpu_per_1000'] / base:>8.2f}{of['peak_mb']:>9.0f}"
        )


def main() -> None:
    """Print the tables, or everything as JSON."""
    parser = argparse.ArgumentParser(description="Measure the audit of training data.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--planted-rows", type=int, default=3_000)
    parser.add_argument("--other-rows", type=int, default=5_000)
    parser.add_argument("--only", choices=("faults", "generated", "speed"))
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
    if not asked.sealed and asked.only in (None, "speed"):
        result["speed"] = measure_speed(asked.rows, asked.other_rows)
        if not asked.json:
            print_speed(result["speed"])
    if asked.json:
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

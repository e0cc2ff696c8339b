"""Whether live experiments keep their promises: simulated users, the real assignment and the real monitor.

    python benchmarks/experiments.py                       # everything
    python benchmarks/experiments.py --only same harm --trials 500
    python benchmarks/experiments.py --list

Each row has what was measured, its standard error and the promised limit, which is met within two standard errors.
A promise that is known to be missed stays in the table as missed. Exit code 1 if another one is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from benchmarks.experiment_trials import harm, power, safety, same  # noqa: E402
from benchmarks.experiment_trials.fading_store import fading_passes  # noqa: E402
from benchmarks.experiment_trials.lost_records import lost_records  # noqa: E402
from benchmarks.experiment_trials.promise import Promise, Row, counts, outcomes  # noqa: E402
from benchmarks.experiment_trials.through_store import agreement  # noqa: E402

STORE = "store", "The same trials through journal, ingest and store"
TWINS = 20
LOST = "lost", "Lost records from worker to decision"
LOST_TRIALS = 100
FADING = "fading-passes", "Effects that stay, fade or turn, through journal, ingest, store and monitor"
PROMISES: Sequence[Promise] = (*harm.PROMISES, *same.PROMISES, *power.PROMISES, *safety.PROMISES)


def main() -> int:
    """Measure what is asked for, print a line for each row, and say by the exit code whether all promises are kept."""
    asked = _arguments()
    chosen = [one for one in PROMISES if not asked.only or any(word in one.name for word in asked.only)]
    wanted = {one: not asked.only or any(word in one[0] for word in asked.only) for one in (STORE, LOST, FADING)}
    whole_paths = (
        (STORE, wanted[STORE], TWINS, agreement),
        (LOST, wanted[LOST], LOST_TRIALS, lost_records),
        (FADING, wanted[FADING], LOST_TRIALS, fading_passes),
    )
    if asked.list or not (chosen or any(wanted.values())):
        named = (*((one.name, one.what) for one in PROMISES), *wanted)
        print("\n".join(f"{name:16} {what}" for name, what in named))
        return 0 if asked.list else 2
    found: list[dict[str, object]] = []
    measured: list[Row] = []
    for promise in chosen:
        started = time.process_time()
        trials = asked.trials or promise.trials
        rows = promise.read(outcomes(promise, trials, asked.seed))
        took = time.process_time() - started
        print(f"\n{promise.name}: {promise.what} ({trials:,} trials, {took:.0f} s)", flush=True)
        for row in rows:
            print(row.line, flush=True)
            found.append({"promise": promise.name, "trials": trials, "ok": row.ok, **asdict(row)})
        measured += rows
    for (name, what), wanted, most, measure in whole_paths:
        if wanted:
            trials = min(asked.trials or most, most)
            with tempfile.TemporaryDirectory() as folder:
                rows = measure(Path(folder), trials)
            print(f"\n{name}: {what} ({trials} trials)\n" + "\n".join(row.line for row in rows), flush=True)
            found += [{"promise": name, "trials": trials, "ok": row.ok, **asdict(row)} for row in rows]
            measured += rows
    if asked.json:
        asked.json.write_text(json.dumps({"seed": asked.seed, "rows": found}, indent=1), encoding="utf-8")
    print(f"\n{counts(measured)}")
    return 1 if any(row.broken for row in measured) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="promises whose name has one of these words")
    parser.add_argument("--trials", type=int, help="trials of each promise, instead of its own number")
    parser.add_argument("--seed", type=int, default=20250101)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--list", action="store_true", help="name the promises and stop")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""Whether decisions keep their promises: trials on sums, decided by the product's own methods and steps.

    python benchmarks/decisions.py                          # everything, about 16 CPU minutes
    python benchmarks/decisions.py --only safe plan
    python benchmarks/decisions.py --short                  # fewer trials, about 90 CPU seconds
    python benchmarks/decisions.py --list

Each row has what was measured, its standard error and its limit, which is met within two standard errors, or within
three where a known figure is reproduced. A promise that is known to be missed stays in the table as missed. Exit code 1
if another one is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

import numpy as np  # noqa: E402

from benchmarks.decision_trials import all_trials  # noqa: E402
from benchmarks.decision_trials.trial import Row, Trial  # noqa: E402
from benchmarks.experiment_trials.promise import counts  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the chosen trials and print a line for each row; the exit code says whether all promises are kept."""
    options = _options(arguments)
    chosen = [one for one in all_trials.TRIALS if not options.only or any(word in one.name for word in options.only)]
    if options.list or not chosen:
        print("\n".join(f"{one.name:16} {one.what}" for one in all_trials.TRIALS))
        return 0 if options.list else 2
    found = [(one, row) for one in chosen for row in _measured(one, options)]
    rows = [row for _, row in found]
    if options.json:
        listed = [
            {"trial": one.name, "trials": _count(one, options), "ok": row.ok, **asdict(row)} for one, row in found
        ]
        options.json.write_text(json.dumps({"seed": options.seed, "rows": listed}, indent=1), encoding="utf-8")
    print(f"\n{counts(rows)}, {time.process_time():.0f} CPU seconds")
    return 1 if any(row.broken for row in rows) else 0


def _count(trial: Trial, options: argparse.Namespace) -> int:
    return trial.short if options.short else trial.trials


def _measured(trial: Trial, options: argparse.Namespace) -> Sequence[Row]:
    started, count = time.process_time(), _count(trial, options)
    rng = np.random.default_rng([options.seed, zlib.crc32(trial.name.encode())])
    rows = trial.measure(rng, count)
    print(f"\n{trial.name}: {trial.what} ({count:,} trials, {time.process_time() - started:.0f} s)")
    for row in rows:
        print(row.line, flush=True)
    return rows


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="trials whose name has one of these words")
    parser.add_argument("--short", action="store_true", help="fewer trials")
    parser.add_argument("--seed", type=int, default=20250101)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--list", action="store_true", help="name the trials and stop")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

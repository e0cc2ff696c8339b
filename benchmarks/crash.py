"""Kills of control and of gateway workers under load: whether an acknowledged request is lost, or one is stored twice.

``python benchmarks/crash.py [--kills 200] [--mode now|earlier|upgrade|all] [--seed N] [--workers N] [--rate N]
[--json]``. SIGKILL hits control or a worker at random moments, also while it starts and catches up. ``now`` has the
present workers, ``earlier`` those of release 0.1.0, and ``upgrade`` replaces the earlier by the present ones in the
middle of the load. Control is always the present one. A request is acknowledged once its whole response with status
200 has arrived. The exit code is 1 if anything was lost, stored twice or wrong; then the folder is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

from scipy.special import betaincinv  # noqa: E402

from benchmarks.crash_trials.trial import FIRST_WORKERS, Trial, run  # noqa: E402

MODES = tuple(FIRST_WORKERS)
SHOWN = 20


def upper_bound(events: int, trials: int) -> float:
    """The one-sided 95 % upper bound of a probability (Clopper and Pearson 1934)."""
    return 1.0 if events >= trials else float(betaincinv(events + 1, trials - events, 0.95))


def row(mode: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """The figures of some trials together. Each id that is wrong counts as one kill that did it."""
    kills = {victim: sum(one.kills[victim] for one in trials) for victim in ("control", "worker")}
    damaged = {fault.partition(":")[0] for one in trials for fault in one.faulty}
    acknowledged = sum(one.acknowledged for one in trials)
    return {
        "mode": mode,
        "kills": kills,
        "restarts": {
            "control": sum(one.control_restarts for one in trials),
            "worker": sum(one.worker_restarts for one in trials),
        },
        "acknowledged": acknowledged,
        "broken": sum(one.statuses.get("0", 0) for one in trials),
        "stored": sum(one.found.stored for one in trials),
        "lost": sum(len(one.found.lost) for one in trials),
        "twice": sum(len(one.found.twice) for one in trials),
        "wrong": sum(len(one.found.wrong) for one in trials),
        "torn_lines": sum(sum(one.found.rejects.values()) for one in trials),
        "seconds": sum(one.seconds for one in trials),
        "bound_per_kill": upper_bound(len(damaged), sum(kills.values())),
        "bound_per_request": upper_bound(len(damaged), acknowledged),
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the modes one after another; they share the kills."""
    modes = MODES if arguments.mode == "all" else (arguments.mode,)
    trials = []
    for number, mode in enumerate(modes):
        kills = arguments.kills // len(modes) + (number < arguments.kills % len(modes))
        trials.append(run(mode, kills, seed=arguments.seed, workers=arguments.workers, rate=arguments.rate))
    return {
        "seed": arguments.seed,
        "modes": [row(one.mode, [one]) for one in trials],
        "all": row("all", trials),
        "statuses": {one.mode: one.statuses for one in trials},
        "rejects": {one.mode: one.found.rejects for one in trials},
        "faulty": {f"{one.mode}, {one.folder}": one.faulty for one in trials if one.faulty},
    }


def report(found: dict[str, Any]) -> str:
    """The figures as a table, then what is wrong."""
    heads = ("mode", "kills", "control", "worker", "restarts", "acknowledged", "stored", "lost", "twice", "wrong")
    lines = ["".join(f"{head:>13}" for head in heads)]
    for one in (*found["modes"], *([found["all"]] if len(found["modes"]) > 1 else [])):
        kills, restarts = one["kills"], one["restarts"]
        cells = [one["mode"], sum(kills.values()), kills["control"], kills["worker"], sum(restarts.values())]
        cells += [one[head] for head in heads[5:]]
        lines.append("".join(f"{cell:>13,}" if isinstance(cell, int) else f"{cell:>13}" for cell in cells))
    whole = found["all"]
    lines += [
        f"{whole['seconds']:.0f} s; requests whose connection broke: {whole['broken']:,}; rejected lines: "
        f"{whole['torn_lines']:,}; seed {found['seed']}",
        f"chance that a kill loses or doubles a request: at most {whole['bound_per_kill']:.2%} (95 %, one-sided)",
        f"chance that an acknowledged request is lost or doubled: at most {whole['bound_per_request']:.4%}",
    ]
    for place, faults in found["faulty"].items():
        lines += [f"WRONG in {place}: {len(faults)}", *(f"  {fault}" for fault in faults[:SHOWN])]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--mode", choices=(*MODES, "all"), default="all")
    parser.add_argument("--seed", type=int, default=20261126, help="of the victims and the waits")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=float, default=300, help="requests a second")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments)
    print(json.dumps(found, indent=2) if arguments.json else report(found))
    sys.exit(1 if found["faulty"] else 0)


if __name__ == "__main__":
    main()

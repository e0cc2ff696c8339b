"""Microseconds of one look at an experiment from its sums, beside numpy's own sum of a million rows in the same run.

Run: ``python benchmarks/analysis.py [--rows 1000000] [--json]``. Then each function alone, the seconds that importing
every module of `fairtrial.stats` takes beside numpy's and scipy's, and whether that brings in pandas, statsmodels or
scikit-learn (exit code 1 if it does).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import timeit
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # a file beside this one has the name of a package of ours

import numpy as np  # noqa: E402

from fairtrial.stats.always_valid import (  # noqa: E402
    RunningDecision,
    always_valid,
    at_least,
    evidence,
)
from fairtrial.stats.arms.amounts import cuped_difference  # noqa: E402
from fairtrial.stats.arms.means import (  # noqa: E402
    mean_difference,
    rate_difference,
)
from fairtrial.stats.arms.ratios_and_quantiles import (  # noqa: E402
    QuantileSums,
    quantile_difference,
    ratio_difference,
)
from fairtrial.stats.e_values import e_bh  # noqa: E402
from fairtrial.stats.effects import fixed  # noqa: E402
from fairtrial.stats.intervals import tango  # noqa: E402
from fairtrial.stats.sequential.conversions import conversion_evidence, conversion_harm, conversion_lift  # noqa: E402
from fairtrial.stats.sequential.guardrails import Limits, guardrail, rare_guardrail  # noqa: E402
from fairtrial.stats.sequential.srm import srm_evidence, srm_fixed  # noqa: E402
from fairtrial.stats.sums import JointMoments, Moments, Successes  # noqa: E402

HEAVY = ("pandas", "statsmodels", "sklearn")
IMPORT = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t, *sys.modules)"
FILES = (ROOT / "fairtrial" / "stats").rglob("[!_]*.py")
MODULES = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES)
GOOD = Successes(5_012, 3_120), Successes(4_988, 3_241)
COST = Moments(5_012, 15_400.0, 140_000.0), Moments(4_988, 15_100.0, 137_000.0)
THUMBS = (
    JointMoments(n=5_012, x=9_320.0, y=15_100.0, xx=31_000.0, yy=68_000.0, xy=43_000.0),
    JointMoments(n=4_988, x=9_610.0, y=15_000.0, xx=32_000.0, yy=67_500.0, xy=43_600.0),
)
SLOW = tuple(
    QuantileSums(0.95, p95, p95 - 0.1, p95 + 0.1, JointMoments(5_000, 14_250.0, 15_000.0, 60_000.0, 66_000.0, 62_000.0))
    for p95 in (2.6, 2.7)
)
ERRORS = Limits(margin=0.5, stop_margin=0.0, guardrails=3)
TOKENS = Limits(margin=0.2, guardrails=3)
EFFECT = rate_difference(*GOOD)
BETS = [srm_evidence([500 + 5 * k, 500], [0.5, 0.5]) for k in range(20)]


def one_look() -> RunningDecision:
    """What the monitor does for one experiment: split, primary metric, latch, three guardrails and two more metrics."""
    srm_evidence([5_012, 4_988], [0.5, 0.5])
    primary = rate_difference(*GOOD)
    latched = RunningDecision().after(always_valid(primary, tau=0.02), evidence(primary, tau=0.02))
    rare_guardrail(31, 40, ERRORS)
    guardrail(mean_difference(*COST, within=(0, 100)), TOKENS)
    guardrail(quantile_difference(*SLOW), TOKENS)
    always_valid(ratio_difference(*THUMBS), tau=0.02)
    always_valid(cuped_difference(*THUMBS, within=(0, 50)), tau=0.02)
    return latched


ALONE: dict[str, Callable[[], object]] = {
    "rate_difference": lambda: rate_difference(*GOOD),
    "mean_difference": lambda: mean_difference(*COST, within=(0, 100)),
    "cuped_difference": lambda: cuped_difference(*THUMBS, within=(0, 50)),
    "ratio_difference": lambda: ratio_difference(*THUMBS),
    "quantile_difference": lambda: quantile_difference(*SLOW),
    "always_valid": lambda: always_valid(EFFECT, tau=0.02),
    "at_least": lambda: at_least(EFFECT, tau=0.02),
    "evidence": lambda: evidence(EFFECT, tau=0.02),
    "fixed": lambda: fixed(EFFECT),
    "conversion_evidence": lambda: conversion_evidence(3_120, 3_241, lift=0.1),
    "conversion_harm": lambda: conversion_harm(31, 40, lift=1.0),
    "conversion_lift": lambda: conversion_lift(3_120, 3_241, lift=0.1),
    "guardrail": lambda: guardrail(EFFECT, TOKENS),
    "rare_guardrail": lambda: rare_guardrail(31, 40, ERRORS),
    "srm_evidence": lambda: srm_evidence([5_012, 4_988], [0.5, 0.5]),
    "srm_fixed": lambda: srm_fixed([5_012, 4_988], [0.5, 0.5]),
    "e_bh of 20": lambda: e_bh(BETS),
    "tango": lambda: tango(14, 9, 150),
}


def main() -> int:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = np.random.default_rng(7).random(asked.rows)
    plain, look = microseconds(rows.sum), microseconds(one_look)
    alone = {name: microseconds(step) for name, step in ALONE.items()}
    bare, _ = imported("import numpy, scipy.special, scipy.optimize")
    ours, modules = imported("import " + ", ".join(MODULES))
    heavy = [name for name in HEAVY if name in modules]
    if asked.json:
        found = {"sum_us": plain, "look_us": look, "ratio": look / plain, "alone_us": alone, "import_s": ours}
        print(json.dumps(found | {"import_numpy_scipy_s": bare, "heavy_imports": heavy}))
        return 1 if heavy else 0
    print(f"numpy's sum of {asked.rows:,} rows   {plain:9.1f} µs")
    print(f"one look, all its statistics    {look:9.1f} µs   {look / plain:.2f} times; {1000 / look:.1f} in 1 ms")
    for name, took in alone.items():
        print(f"  {name:<28}  {took:9.1f} µs")
    print(f"importing all {len(MODULES)} modules: {ours:.2f} s, of which numpy and scipy {bare:.2f} s")
    print(f"of {', '.join(HEAVY)} that brought in: {', '.join(heavy) or 'none'}")
    return 1 if heavy else 0


def microseconds(step: Callable[[], object]) -> float:
    """The least of a few goes, each long enough to time."""
    timer = timeit.Timer(step)
    times, _ = timer.autorange()
    return min(timer.repeat(5, max(1, times // 4))) / max(1, times // 4) * 1e6


def imported(statement: str) -> tuple[float, set[str]]:
    """Seconds of an import in a fresh interpreter, the least of three, and the modules that are there after it."""
    best, modules = float("inf"), set[str]()
    for _ in range(3):
        command = [sys.executable, "-c", "import sys; " + IMPORT.format(statement)]
        seconds, *names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        best, modules = min(best, float(seconds)), set(names)
    return best, modules


if __name__ == "__main__":
    sys.exit(main())

"""Does a stronger adapter answer tickets better? One adapter at several strengths, each compared with the next.

    python benchmarks/strengths.py                     # some twelve minutes on one core
    python benchmarks/strengths.py --adapter support-v1 --limit 20

The tickets suite is run at each strength, where 0 is the base. Adjacent strengths are compared as `fairtrial compare`
does: paired, with McNemar's exact test and Tango's interval. A pair is out of order if the stronger one is worse at
the two-sided level of 5 %. Exit code 1 if a pair is. Holm's correction over all comparisons is shown beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from benchmarks.real_models.serving import BASE, ROOT, models_at, run_of  # noqa: E402 - found by that line
from benchmarks.real_models.strength_steps import conclusion, level_table, step_table, steps_of  # noqa: E402
from evaluators.loading import suite_reader  # noqa: E402
from evaluators.suite import Suite  # noqa: E402
from fairtrial.domain.run import Run  # noqa: E402

SUITE = ROOT / "suites" / "support" / "suite.yaml"
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def model_at(adapter: str, strength: float) -> str:
    """The server's name of the adapter at a strength."""
    return BASE if strength == 0 else adapter if strength == 1 else f"{adapter}@{strength:g}"


def runs_at(asked: argparse.Namespace, suite: Suite, url: str) -> Iterator[tuple[float, Run]]:
    for strength in asked.strengths:
        yield strength, asyncio.run(run_of(suite, model_at(asked.adapter, strength), url, asked.cache))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One adapter at several strengths on the tickets suite.")
    parser.add_argument("--adapter", default="support-v2", help="the adapter, by the server's name")
    parser.add_argument("--strengths", type=float, nargs="+", default=STRENGTHS)
    parser.add_argument("--limit", type=int, help="only the first tickets of the suite")
    parser.add_argument("--url", help="a models server that runs already, with /v1; default: one of our own")
    parser.add_argument("--cache", type=Path, default=ROOT / ".seeds", help="where answers are kept")
    return parser.parse_args()


def main() -> None:
    """Run, compare, and exit with 1 if a pair is out of order."""
    asked = parsed()
    (suite,) = suite_reader.load(SUITE)
    suite = suite if asked.limit is None else suite.with_limit(asked.limit)
    with models_at(asked.url) as url:
        runs = dict(runs_at(asked, suite, url))
    steps = steps_of(suite, runs)
    print(f"\r{asked.adapter}\n", level_table(runs), step_table(steps), conclusion(steps), sep="\n\n")
    sys.exit(any(step.out_of_order for step in steps))


if __name__ == "__main__":
    main()

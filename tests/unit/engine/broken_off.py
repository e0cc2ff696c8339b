"""A program that runs a suite of sums, to be broken off: ``broken_off.py FOLDER BASE_URL FINGERPRINTED``."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from evaluators.engine import Options, run_suite
from evaluators.suite_file import load
from evaluators.target import Target


def main() -> None:
    folder, base_url = Path(sys.argv[1]), sys.argv[2]
    target = Target("base", "m", base_url, deployment_digest="d1")
    run = run_suite(
        load(folder / "suite.yaml")[0],
        target,
        cache=folder / "cache",
        clock=lambda: time.time_ns() // 1000,
        run_id="run-1",
        options=Options(concurrency=4),
    )
    found = asyncio.run(run)
    print(sum(result.answer.cached for result in found.results), found.metrics)


if __name__ == "__main__":
    main()

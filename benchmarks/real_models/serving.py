"""Serves the local models for as long as a benchmark needs them, and runs suites on them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from evaluators.engine.engine import CaseProgress, EngineOptions, run_suite
from evaluators.engine.target import Target
from evaluators.suite import Suite
from fairtrial.domain.run import Run

ROOT = Path(__file__).parents[2]
BASE = "smollm2"
SERVE = [sys.executable, "-c", "from fairtrial_cli.main import main; main()", "models", "serve", "--port", "0"]


@contextlib.contextmanager
def models_at(url: str | None) -> Iterator[str]:
    """The address of the models: the given one, or a server of our own for as long as it's needed."""
    if url:
        yield url
        return
    with subprocess.Popen(SERVE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        try:
            line = running.stdout.readline() if running.stdout else ""
            if not line.startswith("models at "):
                raise SystemExit("the models server did not start")
            yield line.removeprefix("models at ").split(": ")[0]
        finally:
            running.terminate()


async def run_of(suite: Suite, model: str, url: str, cache: Path) -> Run:
    """The run of a suite on a model; answers in the cache are not asked for again."""
    target = Target(name="base" if model == BASE else model, model=model, base_url=url, deployment_digest=model)
    options = EngineOptions(concurrency=4, on_progress=_show)
    [run] = await run_suite(
        suite, [target], cache=cache, clock=now_us, new_id=lambda: f"{model}-{suite.name}", options=options
    )
    return run


def now_us() -> int:
    return time.time_ns() // 1000


def _show(progress: CaseProgress) -> None:
    print(
        f"\r{progress.target}: {progress.done} of {progress.total}, {progress.cached} known  ", end="", file=sys.stderr
    )

"""How lucky is one seed? The general gate's verdict on each fine-tune, for ten seeds of the suite's generator.

    python benchmarks/seeds.py                     # about an hour on two cores; broken off, it goes on where it stopped
    python benchmarks/seeds.py --seeds 3 --json verdicts.json

Every seed draws other questions from the same pools; the lines of `suites/general/suite.yaml` judge them all. Answers
are kept in `.seeds`, so that no question is asked twice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.engine.engine import Options, Progress, run_suite
from evaluators.engine.target import Target
from evaluators.gate.file import gate_of
from evaluators.gate.judge import judge
from evaluators.generators import general
from evaluators.loading import suite_reader
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.run import Run
from fairtrial.domain.verdict import Verdict

ROOT = Path(__file__).parents[1]
SUITE = ROOT / "suites" / "general" / "suite.yaml"
BASE = "smollm2"
TUNED = ("support-v2", "support-v1", "support-wrongpattern", "support-overfit")
SERVE = [sys.executable, "-c", "from fairtrial_cli.main import main; main()", "models", "serve", "--port", "0"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    first: int
    seeds: int
    models: Sequence[str]
    url: str | None
    cache: Path
    json: Path | None


def suite_of(seed: int, folder: Path) -> Suite:
    """The general suite, with the questions of this seed in place of its own."""
    (folder / "questions.jsonl").write_text(general.text(seed), encoding="utf-8")
    copy = folder / SUITE.name
    copy.write_text(SUITE.read_text(encoding="utf-8"), encoding="utf-8")
    return suite_reader.load(copy)[0]


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
    target = Target(name="base" if model == BASE else model, model=model, base_url=url, deployment_digest=model)
    options = Options(concurrency=4, on_progress=_say)
    return await run_suite(suite, target, cache=cache, clock=_now_us, run_id=f"{model}-seeds", options=options)


async def verdicts_of(seed: int, url: str, asked: Asked) -> list[Verdict]:
    """The general gate's verdict on every fine-tune, by the questions of one seed."""
    with tempfile.TemporaryDirectory() as folder:
        suite = suite_of(seed, Path(folder))
        runs = {model: await run_of(suite, model, url, asked.cache) for model in (BASE, *asked.models)}
    runs["base"] = runs.pop(BASE)
    gate = gate_of(suite)
    return [
        judge(gate, Trial(model, "base", lambda _, name: runs.get(name)), verdict_id=f"{seed}-{model}", at_us=_now_us())
        for model in asked.models
    ]


def row_of(seed: int, verdict: Verdict) -> dict[str, Any]:
    findings = [{"rule": each.rule, "result": each.result, "says": each.says} for each in verdict.findings]
    return {
        "seed": seed,
        "model": verdict.candidate,
        "verdict": verdict.decision,
        "headline": verdict.headline,
        "findings": findings,
    }


def table(rows: Sequence[dict[str, Any]], models: Sequence[str]) -> str:
    """A Markdown table: one line a seed, one column a model, and below it how often each verdict came."""
    lines = [f"| seed | {' | '.join(models)} |", "|---" * (len(models) + 1) + "|"]
    by_seed: dict[int, dict[str, str]] = {}
    for row in rows:
        by_seed.setdefault(row["seed"], {})[row["model"]] = row["verdict"]
    lines += [f"| {seed} | {' | '.join(said[model] for model in models)} |" for seed, said in by_seed.items()]
    lines.append(f"| all | {' | '.join(_counts(rows, model) for model in models)} |")
    return "\n".join(lines)


def _counts(rows: Sequence[dict[str, Any]], model: str) -> str:
    said = [row["verdict"] for row in rows if row["model"] == model]
    return ", ".join(f"{said.count(one)} {one}" for one in ("SHIP", "HOLD", "BLOCK", "INVALID") if one in said)


def _say(progress: Progress) -> None:
    print(
        f"\r{progress.target}: {progress.done} of {progress.total}, {progress.cached} known  ", end="", file=sys.stderr
    )


def _now_us() -> int:
    return time.time_ns() // 1000


def parsed() -> Asked:
    parser = argparse.ArgumentParser(description="The general gate's verdicts for several seeds of its generator.")
    parser.add_argument("--first", type=int, default=general.SEED, help="the first seed (default: the committed one)")
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds, one after the other")
    parser.add_argument("--models", nargs="+", default=TUNED, help="the fine-tunes, by the server's names")
    parser.add_argument("--url", help="a models server that runs already, with /v1; default: one of our own")
    parser.add_argument("--cache", type=Path, default=ROOT / ".seeds", help="where answers are kept")
    parser.add_argument("--json", type=Path, help="write every verdict and finding to this file")
    return Asked(**vars(parser.parse_args()))


def main() -> None:
    """Judge seed by seed, and say each verdict as soon as it is known."""
    asked = parsed()
    rows: list[dict[str, Any]] = []
    with models_at(asked.url) as url:
        for seed in range(asked.first, asked.first + asked.seeds):
            judged = asyncio.run(verdicts_of(seed, url, asked))
            rows += [row_of(seed, verdict) for verdict in judged]
            print(f"\r{seed}", *(f"{one.candidate} {one.decision}" for one in judged), sep="  ", file=sys.stderr)
            if asked.json:
                asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows, asked.models))


if __name__ == "__main__":
    main()

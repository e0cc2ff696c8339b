"""How lucky is one seed? The general gate's verdict on each fine-tune, for ten seeds of the suite's generator.

    python benchmarks/seeds.py                     # about an hour on two cores; broken off, it goes on where it stopped
    python benchmarks/seeds.py --seeds 3 --models support-v2 support-v1 --json verdicts.json

Every seed draws other questions from the same pools; the lines of `suites/general/suite.yaml` judge them all. Answers
are kept in `.seeds`, so that no question is asked twice. Seeds share questions, because the pools are finite. A second
table therefore counts each question of all seeds once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from benchmarks.real_models.serving import BASE, ROOT, models_at, now_us, run_of  # noqa: E402 - found by that line
from benchmarks.real_models.tally import Tally  # noqa: E402
from evaluators.gate.file import gate_of  # noqa: E402
from evaluators.gate.judge import judge  # noqa: E402
from evaluators.generators import general  # noqa: E402
from evaluators.loading import suite_reader  # noqa: E402
from evaluators.suite import Suite  # noqa: E402
from evaluators.trial import Trial  # noqa: E402
from fairtrial.domain.run import Run  # noqa: E402
from fairtrial.domain.verdicts.verdict import Verdict  # noqa: E402

SUITE = ROOT / "suites" / "general" / "suite.yaml"
TUNED = ("support-v2", "support-v1", "support-wrongpattern", "support-overfit")


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


async def verdicts_of(seed: int, url: str, asked: Asked, tally: Tally) -> list[Verdict]:
    """The general gate's verdict on every fine-tune, by the questions of one seed."""
    with tempfile.TemporaryDirectory() as folder:
        suite = suite_of(seed, Path(folder))
        runs = {model: await run_of(suite, model, url, asked.cache) for model in (BASE, *asked.models)}
    for model, run in runs.items():
        tally.add(model, run)
    return list(_judged(suite, {**runs, "base": runs[BASE]}, seed, asked.models))


def _judged(suite: Suite, runs: Mapping[str, Run], seed: int, models: Sequence[str]) -> Iterator[Verdict]:
    gate = gate_of(suite)
    for model in models:
        trial = Trial(model, "base", lambda _, name: runs.get(name))
        yield judge(gate, trial, verdict_id=f"{seed}-{model}", at_us=now_us())


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
    tally = Tally()
    with models_at(asked.url) as url:
        for seed in range(asked.first, asked.first + asked.seeds):
            judged = asyncio.run(verdicts_of(seed, url, asked, tally))
            rows += [row_of(seed, verdict) for verdict in judged]
            print(f"\r{seed}", *(f"{one.candidate} {one.decision}" for one in judged), sep="  ", file=sys.stderr)
            if asked.json:
                asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows, asked.models), tally.table([BASE, *asked.models]), sep="\n\n")


if __name__ == "__main__":
    main()

"""Records many answers of each model to the same border probes, once; later runs read them from a folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.engine.target import Target
from evaluators.model_equality.border_probes import WITH_LOGPROBS, ProbeAnswer, find_probes, probe_clients, prompts
from fairtrial.domain.run import Case

ROOT = Path(__file__).parents[2]
CONCURRENCY = 8
Answers = dict[int, list[ProbeAnswer]]
"""The answers of one model by the number of the probe."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answers of one model, and the prompt tokens that they took."""

    answers: Answers
    tokens: int


@contextlib.contextmanager
def served(command: Sequence[str]) -> Iterator[str]:
    """The address of a server of one model, which the first line of its output tells."""
    with subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        try:
            line = running.stdout.readline().strip() if running.stdout else ""
            if not line.startswith("http"):
                raise SystemExit(f"{' '.join(command)} did not start")
            yield line
        finally:
            running.kill()


def probes(cache: Path, command: Sequence[str], count: int) -> list[Case]:
    """The border probes of the base, found by other asks than those that are recorded."""
    file = cache / "probes.json"
    if not file.exists():
        with served(command) as url:
            found = asyncio.run(_find(url, count))
        file.write_text(json.dumps([case.messages[0]["content"] for case in found], indent=1))
    return [_case(number, text) for number, text in enumerate(json.loads(file.read_text()))]


def recorded(cache: Path, name: str, command: Sequence[str], cases: Sequence[Case], repeats: int) -> Recorded:
    """The answers of a model, asked unless the folder has them."""
    file = cache / f"{name}.json"
    if not file.exists():
        began = time.monotonic()
        with served(command) as url:
            rows, tokens = asyncio.run(_ask(url, cases, repeats))
        file.write_text(json.dumps({"tokens": tokens, "rows": rows}))
        print(f"{name}: {len(rows)} answers in {time.monotonic() - began:.0f} s", file=sys.stderr)
    content = json.loads(file.read_text())
    answers: Answers = {number: [] for number in range(len(cases))}
    for number, text, tops in content["rows"]:
        answers[number].append(ProbeAnswer(text, positions=(tops,) if tops else ()))
    return Recorded(answers, content["tokens"])


async def _find(url: str, count: int) -> Sequence[Case]:
    async with probe_clients([_target(url)], CONCURRENCY) as [client]:
        return (await find_probes(client, prompts(()), count)).cases


async def _ask(url: str, cases: Sequence[Case], repeats: int) -> tuple[list[tuple[int, str, Mapping[str, Any]]], int]:
    """All answers in random order, eight at a time, so that other requests share the batches."""
    asked = [number for number in range(len(cases)) for _ in range(repeats)]
    random.Random(len(cases)).shuffle(asked)
    async with probe_clients([_target(url)], CONCURRENCY) as [client]:
        client.params = WITH_LOGPROBS
        answers = await asyncio.gather(*(client.probe(cases[number]) for number in asked))
        rows = [
            (number, answer.text or "", answer.tops)
            for number, answer in zip(asked, answers, strict=True)
            if answer is not None
        ]
        if len(rows) < len(asked):
            raise SystemExit(f"only {len(rows)} of {len(asked)} probes were answered")
        return rows, client.tokens


def _target(url: str) -> Target:
    return Target(name="model", model="model", base_url=f"{url}/v1")


def _case(number: int, text: str) -> Case:
    return Case(case_id=f"probe-{number}", messages=({"role": "user", "content": text},), expected=None)

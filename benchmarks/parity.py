"""Plants faults into the export of a real fine-tune, and counts how often `fairtrial parity` names the right cause.

python -m benchmarks.parity --repetitions 10 --rows 16

Each repetition draws other rows of a file that transformers and PEFT wrote. llama.cpp serves both models.
"""

import argparse
import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from evaluators.engine.target import Target
from evaluators.model_equality.parity import ask_parity
from evaluators.model_equality.parity_file import ParityFile, ParityRow, read_parity_file
from evaluators.model_equality.server_prompts import ServerPrompt, ask_prompts
from fairtrial.domain.verdicts.model_parity import ModelParity
from gateway.models.catalogue import base_file
from tests.fixtures.services.planted_exports import CAUSES, RECORDED, planted, requantise
from tests.fixtures.services.served_models import engine

NEEDED = 0.9
"""The share of repetitions that must name the planted cause."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--only", choices=CAUSES, help="plant only this fault")
    parser.add_argument("--silent", action="store_true", help="as if the server told nothing of prompts and tokens")
    options = parser.parse_args()
    recorded = read_parity_file(RECORDED)
    print(f"| planted | named right, of {options.repetitions} | named | nats from training | noise | prompt tokens |")
    print("|---|--:|---|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder, engine(base_file()) as base_url:
        requantised = Path(folder) / "q4_0.gguf"
        requantise(base_file(), requantised)
        for name in [options.only] if options.only else CAUSES:
            with planted(name, requantised) as url:
                results = [
                    asyncio.run(_ask(url, base_url, _drawn(recorded, options.rows, seed), silent=options.silent))
                    for seed in range(options.repetitions)
                ]
            print(_line(name, results), flush=True)


def _drawn(recorded: ParityFile, size: int, seed: int) -> ParityFile:
    return ParityFile(tuple(random.Random(seed).sample(recorded.rows, size)), recorded.digest)


async def _ask(url: str, base_url: str, file: ParityFile, *, silent: bool) -> ModelParity:
    rows: Sequence[ParityRow] = file.rows
    prompts = (ServerPrompt(),) * len(rows) if silent else await ask_prompts(url, None, "tuned", rows)
    return await ask_parity(Target("tuned", "tuned", url), Target("base", "base", base_url), file, prompts)


def _line(name: str, results: Sequence[ModelParity]) -> str:
    named = Counter(result.cause or result.answer for result in results)
    right = named[CAUSES[name] or "same"]
    missed = "" if right >= NEEDED * len(results) else " *missed*"
    causes = ", ".join(f"{cause} {number}" for cause, number in named.most_common())
    distance, noise, tokens = (
        sum(values) / len(results)
        for values in zip(*((each.distance, each.noise, each.tokens) for each in results), strict=True)
    )
    return f"| {name} | {right}{missed} | {causes} | {distance:.3f} | {noise:.3f} | {tokens:,.0f} |"


if __name__ == "__main__":
    main()

"""Which questions suit the general suite? The base alone answers a sample of every candidate family.

    python benchmarks/general_pilot.py              # ten minutes on two cores; broken off, it goes on where it stopped
    python benchmarks/general_pilot.py --families sums facts --show wrong.txt

A family suits if the base is right in 40 to 80 of 100 cases. No fine-tune is asked. A seed that no suite uses draws the
questions. Each suitable family is asked again under a harmless change, another neutral system prompt. The share of
questions that only one of the two runs answers right is a proxy for the discordance between a base and a fine-tune of
it. The number of cases for a slice follows from it: 6.2 × discordance / 0.10² detects a loss of 10 points with 80 %
power at the one-sided level of 5 %.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from benchmarks.real_models.pilot_table import Piloted, table  # noqa: E402
from benchmarks.real_models.serving import BASE, ROOT, models_at, run_of  # noqa: E402 - found by the line above
from benchmarks.real_models.unused_families import UNUSED  # noqa: E402
from evaluators.generators import general  # noqa: E402
from evaluators.generators.general import QuestionFamily  # noqa: E402
from evaluators.loading import suite_reader  # noqa: E402
from fairtrial.domain.run import Run  # noqa: E402

SUITE = ROOT / "suites" / "general" / "suite.yaml"
SEED = 7001
SYSTEM, CHANGED = "system: Be brief.", "system: You are a helpful assistant."
CANDIDATES: Sequence[QuestionFamily] = (*(family for family, _ in general.SIZES), *UNUSED)


async def piloted(family: QuestionFamily, count: int, url: str, asked: argparse.Namespace) -> Piloted:
    pool = family.questions()
    rows = general.rows_of(family, family.draw(SEED, min(count, len(pool))))
    first = await _run(rows, SYSTEM, url, asked.cache)
    if asked.show:
        with asked.show.open("a", encoding="utf-8") as file:
            file.writelines(_told(first, rows))
    found = Piloted(family, len(pool), _right(first))
    if not found.suits:
        return found
    return Piloted(family, len(pool), found.right, _right(await _run(rows, CHANGED, url, asked.cache)))


async def _run(rows: Sequence[dict[str, Any]], system: str, url: str, cache: Path) -> Run:
    """The base on these rows, with this system prompt in place of the suite's."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / SUITE.name
        without_gate = (
            SUITE.read_text(encoding="utf-8").split("\ngate:")[0] + "\n"
        )  # its lines name slices of the suite
        copy.write_text(without_gate.replace(SYSTEM, system), encoding="utf-8")
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (copy.parent / "questions.jsonl").write_text("".join(lines), encoding="utf-8")
        return await run_of(suite_reader.load(copy)[0], BASE, url, cache)


def _right(run: Run) -> tuple[bool, ...]:
    return tuple(result.scores["general"].values["accuracy"] == 1 for result in run.results)


def _told(run: Run, rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    """A line a question: whether it was right, the question, the answer and what is accepted."""
    for right, row, result in zip(_right(run), rows, run.results, strict=True):
        marked = "right" if right else "wrong"
        yield f"{marked}\t{row['messages'][-1]['content']}\t{result.answer.text!r}\t{row['contains_any']}\n"


def parsed() -> argparse.Namespace:
    names = [family.name for family in CANDIDATES]
    parser = argparse.ArgumentParser(description="How much of each candidate family the base alone can answer.")
    parser.add_argument("--families", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--count", type=int, default=50, help="questions of each family, if its pool has so many")
    parser.add_argument("--url", help="a models server that runs already, with /v1; default: one of our own")
    parser.add_argument("--cache", type=Path, default=ROOT / ".seeds", help="where answers are kept")
    parser.add_argument("--show", type=Path, help="append every question with its answer to this file")
    return parser.parse_args()


async def _all(asked: argparse.Namespace, url: str) -> list[Piloted]:
    found = []
    for family in CANDIDATES:
        if family.name in asked.families:
            found.append(await piloted(family, asked.count, url, asked))
            print(f"\r{family.name}: {found[-1].share:.0%}{' ' * 40}", file=sys.stderr)
    return found


def main() -> None:
    """Ask, and print the tables."""
    asked = parsed()
    with models_at(asked.url) as url:
        print(table(asyncio.run(_all(asked, url))))


if __name__ == "__main__":
    main()

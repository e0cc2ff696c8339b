"""Generates the suite of short general questions, which detects what a fine-tune has forgotten.

The families are those of which the base alone answers 40 to 80 % right, by `benchmarks/general_pilot.py`. The committed
suite has the seed 20261201. Families, sizes, seed and gate were fixed before any fine-tune answered one of its
questions, and no question was chosen by its outcome. Other seeds draw other questions from the same pools.

    python -m evaluators.generators.general --seed 20261201 --out suites/general/questions.jsonl
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.generators import families
from evaluators.generators.draw import Draw
from evaluators.generators.question import Family, Question

SEED = 20261201
SIZES: Sequence[tuple[Family, int]] = (
    (families.SUMS, 90),
    (families.PRODUCTS, 50),
    (families.DIFFERENCES, 40),
    (families.ROUND_SUMS, 40),
    (families.FACTS, 50),
    (families.CAPITALS, 50),
    (families.OPPOSITES, 40),
    (families.PLURALS, 40),
)


def rows(seed: int) -> list[dict[str, Any]]:
    """The rows of a seed: ``id``, ``messages``, ``contains_any``, ``kind`` and ``family``."""
    made = [row for family, count in SIZES for row in rows_of(family, family.draw(seed, count))]
    return Draw(seed, "order").shuffled(made)


def rows_of(family: Family, drawn: Sequence[Question]) -> list[dict[str, Any]]:
    return [_row(f"{family.name}-{number:03d}", family, asked) for number, asked in enumerate(drawn, 1)]


def text(seed: int) -> str:
    """The file of a seed as JSON lines, with the same bytes on every Python version."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(seed))


def _row(name: str, family: Family, asked: Question) -> dict[str, Any]:
    return {
        "id": name,
        "messages": family.messages(asked),
        "contains_any": list(asked.accepted),
        "kind": family.kind,
        "family": family.name,
    }


def main() -> None:
    """Write the questions of a seed to a file."""
    parser = argparse.ArgumentParser(description="Generate the suite of short general questions for a seed.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.write_text(text(asked.seed), encoding="utf-8")


if __name__ == "__main__":
    main()

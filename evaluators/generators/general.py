"""Generates the suite of short general questions, which detects what a fine-tune has forgotten.

The committed suite has the seed 20261124. Generator, seed and gate were fixed before any fine-tune answered one of its
questions, and no item was chosen by its outcome. Other seeds draw other items from the same pools.

    python -m evaluators.generators.general --seed 20261124 --out suites/general/questions.jsonl
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluators.generators.arithmetic import arithmetic
from evaluators.generators.knowledge import capitals, facts, translations, word_forms
from evaluators.generators.question import Question
from evaluators.generators.reading import reading

SEED = 20261124
KINDS: dict[str, tuple[Callable[[int, int], list[Question]], int]] = {
    "arithmetic": (arithmetic, 120),
    "capitals": (capitals, 60),
    "facts": (facts, 60),
    "word_forms": (word_forms, 60),
    "translations": (translations, 30),
    "reading": (reading, 30),
}


def rows(seed: int) -> list[dict[str, Any]]:
    """The 360 rows of a seed, with ``id``, ``input``, ``contains_any`` and ``kind``."""
    made = []
    for kind, (questions, count) in KINDS.items():
        drawn = questions(seed, count)
        if len(drawn) != count:
            raise ValueError(f"{kind}: the pool has {len(drawn)} questions, but {count} are needed")
        made += [_row(f"{kind}-{number:03d}", asked) for number, asked in enumerate(drawn, 1)]
    return made


def text(seed: int) -> str:
    """The file of a seed as JSON lines, with the same bytes on every Python version."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(seed))


def _row(name: str, asked: Question) -> dict[str, Any]:
    return {"id": name, "input": asked.text, "contains_any": list(asked.accepted), "kind": asked.kind}


def main() -> None:
    """Write the questions of a seed to a file."""
    parser = argparse.ArgumentParser(description="Generate the suite of short general questions for a seed.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.write_text(text(asked.seed), encoding="utf-8")


if __name__ == "__main__":
    main()

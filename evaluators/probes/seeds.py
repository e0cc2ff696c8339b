"""Reads the seeds of the bundled families, and draws from them by the seed of a source."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from evaluators.generators.draw import Draw
from evaluators.probes.probe import Severity, Source, ask, text_of, with_text
from fairtrial.config.layout import bundled_data

Seed = Mapping[str, Any]
Change = Callable[[str], str]
V = TypeVar("V")
FOLDER = "suites/probes"
CONTROLS = {"controls": "`no` leaves out the suite's own rows, which otherwise are half of the cases."}
"""The option of families that have controls."""
TEXT = "{text}"
"""The place of a text in a wrapping."""


@cache
def seeds_of(family: str) -> tuple[Seed, ...]:
    """The bundled seeds of one family, in file order."""
    text = (bundled_data(FOLDER) / f"{family}.jsonl").read_text(encoding="utf-8")
    return tuple(json.loads(line) for line in text.split("\n") if line)


def given_seeds(source: Source, option: str, column: str) -> list[Seed]:
    """The seeds of a project's own file; the text of each is in ``text`` or in the suite's column."""
    rows = enumerate(source.files.get(option, ()), 1)
    return [{"id": f"row-{at}", "technique": "own", "text": row.get(column, ""), **row} for at, row in rows]


def pairs(source: Source, family: str, seeds: Sequence[Seed], variants: Sequence[V]) -> list[tuple[Seed, V]]:
    """As many pairs of a seed and a variant as the source asks for; no seed occurs again before all others did."""
    return list(islice(_every_pair(Draw(source.seed, family), seeds, variants), source.count))


def _every_pair(draw: Draw, seeds: Sequence[Seed], variants: Sequence[V]) -> Iterator[tuple[Seed, V]]:
    ordered = [(seed, draw.below(len(variants))) for seed in draw.shuffled(seeds)]
    for turn in range(len(variants)):
        yield from ((seed, variants[(first + turn) % len(variants)]) for seed, first in ordered)


def own_rows(source: Source, family: str) -> list[Mapping[str, Any]]:
    """The suite's own rows that ask a text, in an order drawn by the seed."""
    asking = [row for row in source.rows if text_of(source, row).strip()]
    return Draw(source.seed, f"{family}/rows").shuffled(asking)


def own_system(source: Source) -> str | None:
    """The system message of the suite's own rows, if they bring one."""
    first = (source.rows[0].get("messages") or [{}])[0] if source.rows else {}
    return str(first["content"]) if first.get("role") == "system" else None


def carried(source: Source, rows: Sequence[Mapping[str, Any]], at: int, change: Change) -> dict[str, Any]:
    """A row with a changed text: one of the suite's own, or a bundled question if the suite has none."""
    if rows:
        row = rows[at % len(rows)]
        return with_text(source, row, change(text_of(source, row)))
    questions = seeds_of("out_of_domain")
    return ask(source, change(questions[at % len(questions)]["text"]))


def alone(source: Source, *turns: str) -> dict[str, Any]:
    """The columns of a conversation without the suite's system message: the user's turns and the replies to them.

    A suite with a template asks one text only, so the turns are put into one.
    """
    if source.rows and "messages" not in source.rows[0]:
        return {source.column: transcript(*turns)}
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[at % 2], "content": turn} for at, turn in enumerate(turns)]}


def transcript(*turns: str) -> str:
    """A conversation as one text."""
    if len(turns) == 1:
        return turns[0]
    names = ("User", "Assistant")
    return "\n".join(f"{names[at % 2]}: {turn}" for at, turn in enumerate(turns))


def case(family: str, number: int, seed: Seed, columns: Mapping[str, Any], **fixed: Any) -> dict[str, Any]:
    """A row of the family: the columns that ask it, the columns of every family, and then those given."""
    severity: Severity = seed.get("severity", "medium")
    return {
        **columns,
        "id": f"{family}-{number:03d}",
        "family": family,
        "technique": seed["technique"],
        "severity": severity,
        "seed_id": str(seed["id"]),
        **fixed,
    }


Made = Callable[[int, Seed], tuple[dict[str, Any], dict[str, Any]]]
"""The number of a case and its seed to the columns that ask it, and to its other columns."""


def seeded(source: Source, family: str, seeds: Sequence[Seed], made: Made, *, rounds: int = 1) -> list[dict[str, Any]]:
    """A case of each drawn seed, each seed once in every round."""
    found = []
    for number, (seed, _) in enumerate(pairs(source, family, seeds, range(rounds)), 1):
        columns, fixed = made(number, seed)
        found.append(case(family, number, seed, columns, **fixed))
    return found


def with_controls(
    source: Source, family: str, unanswerable: Sequence[dict[str, Any]], own: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The unanswerable cases, and the suite's own rows as answerable ones, half of all if there are enough."""
    wanted = source.options.get("controls", "yes") not in (False, "no")
    controls = min(len(own), source.count // 2) if wanted else 0
    kept = list(unanswerable[: source.count - controls])
    for at, row in enumerate(own[:controls], 1):
        seed: Seed = {"id": row["id"], "technique": "control", "severity": "medium"}
        kept.append(case(family, len(unanswerable) + at, seed, row, answerable=True))
    return kept

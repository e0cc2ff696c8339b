"""Draws by seed, and makes the rows of probes: from the bundled seeds, or as changed copies of a suite's rows."""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from evaluators.probes.probe import ORIGINAL, Probe, Severity, Source, ask, text_of, with_text
from fairtrial.config.layout import bundled_data

T = TypeVar("T")
Seed = Mapping[str, Any]
Change = Callable[[str], str]
V = TypeVar("V")
FOLDER = "suites/probes"
CONTROLS = {"controls": "`no` leaves out the suite's own rows, which otherwise are half of the cases."}
"""The option of families that have controls."""
TEXT = "{text}"
"""The place of a text in a wrapping."""

Made = Callable[[int, Seed], tuple[dict[str, Any], dict[str, Any]]]
"""The number of a case and its seed to the columns that ask it, and to its other columns."""

MUST = ("not lower", "not higher", "higher", "lower", "same", "change", "equal")
ORDERED = frozenset(MUST[:4])
DIRECTION_OPTIONS = {
    "field": "The field of the JSON answer; without it, the whole answer.",
    "must": "`not lower`, `not higher`, `higher` or `lower` in the order; `same`, `change`, or `equal` to `value`.",
    "order": "The values of the field from low to high; numbers need none.",
    "value": "With `equal`: the value that the field must have, such as `null`.",
}
PARTS = re.compile(r"\s+|\S+")
FIXED = re.compile(r"\d|@|://|[{}<>]")
"""Words that name a thing, such as order numbers and addresses: changing one changes the question."""
SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+")


class Draw:
    """Draws for one seed and one purpose; the draws for two purposes are independent."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._random = random.Random(f"{seed}/{purpose}")

    def below(self, limit: int) -> int:
        """An integer from 0 to ``limit - 1``."""
        return int(self._random.random() * limit)

    def one(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All items in random order (Fisher and Yates)."""
        left = list(items)
        for last in range(len(left) - 1, 0, -1):
            chosen = self.below(last + 1)
            left[last], left[chosen] = left[chosen], left[last]
        return left


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
    """Draw the source's number of pairs of a seed and a variant; no seed occurs again before all others did."""
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


def seeded(source: Source, family: str, seeds: Sequence[Seed], made: Made, *, rounds: int = 1) -> list[dict[str, Any]]:
    """A case of each drawn seed, each seed once in every round."""
    cases = []
    for number, (seed, _) in enumerate(pairs(source, family, seeds, range(rounds)), 1):
        columns, fixed = made(number, seed)
        cases.append(case(family, number, seed, columns, **fixed))
    return cases


def with_controls(
    source: Source, family: str, unanswerable: Sequence[dict[str, Any]], own: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The unanswerable cases, and the suite's own rows as answerable ones, half of all if there are enough."""
    controlled = source.options.get("controls", "yes") not in (False, "no")
    controls = min(len(own), source.count // 2) if controlled else 0
    cases = list(unanswerable[: source.count - controls])
    for at, row in enumerate(own[:controls], 1):
        seed: Seed = {"id": row["id"], "technique": "control", "severity": "medium"}
        cases.append(case(family, len(unanswerable) + at, seed, row, answerable=True))
    return cases


RandomChange = Callable[[str, Draw], str]
"""A text and a draw of its own to the changed text; the same text if nothing can be changed."""


def changed_rows(source: Source, family: str, change: RandomChange, severity: Severity) -> list[dict[str, Any]]:
    """A changed copy of each drawn row, in the order of the suite; rows without a change are left out."""
    drawn = sorted(Draw(source.seed, "rows").shuffled(range(len(source.rows)))[: source.count])
    made = []
    for at in drawn:
        row = source.rows[at]
        text = text_of(source, row)
        changed = change(text, Draw(source.seed, f"{family}/{row['id']}"))
        if changed == text:
            continue
        made.append(
            {
                **with_text(source, row, changed),
                "id": f"{row['id']}~{family}",
                ORIGINAL: row["id"],
                "family": family,
                "technique": family,
                "severity": severity,
                "seed_id": row["id"],
            }
        )
    return made


def invariance(name: str, summary: str, change: RandomChange, *, severity: Severity = "medium") -> Probe:
    """A family whose changed text must get the same answer as the original."""
    return Probe(
        name=name,
        kind="invariance",
        summary=summary,
        rows=lambda source: changed_rows(source, name, change, severity),
        score=({"keep": {}},),
        phrase="keep answer under",
    )


def direction_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The column ``direction`` of a copy; raises `ValueError`."""
    must, order, field = options.get("must"), options.get("order"), options.get("field")
    if must not in MUST:
        raise ValueError(f"must: {must!r} is not known (known: {', '.join(MUST)})")
    if order is not None and (not isinstance(order, list) or len(order) < 2):
        raise ValueError("order: list at least two values, from low to high")
    if order is not None and must not in ORDERED:
        raise ValueError(f"order: {must!r} needs no order")
    if (must == "equal") != ("value" in options):
        raise ValueError("value: give it with 'must: equal', and only then")
    if field is not None and not isinstance(field, str):
        raise ValueError("field: must be the name of a field")
    return {key: options[key] for key in ("field", "must", "order", "value") if key in options}


def parts_of(text: str) -> list[str]:
    """The words and the white space of a text, in order; joined, they are the text."""
    return PARTS.findall(text)


def may_change(word: str) -> bool:
    """Whether it is a word that can be written differently and still mean the same."""
    return any(char.isalpha() for char in word) and not FIXED.search(word)


def change_some(text: str, draw: Draw, change: Callable[[str, Draw], str], *, one_in: int) -> str:
    """The text with about every ``one_in``-th word changed, at least one if any can be."""
    parts = parts_of(text)
    able = [at for at, part in enumerate(parts) if may_change(part) and change(part, Draw(0, part)) != part]
    for at in draw.shuffled(able)[: max(1, len(able) // one_in)]:
        parts[at] = change(parts[at], draw)
    return "".join(parts)

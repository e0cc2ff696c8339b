"""One row of a training file before it has a format, and the four formats in which the trials write it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A dialogue of questions and answers in one language; a label is a short answer of a few known ones.

    ``columns`` are further columns of a table. ``original`` is the answer in English, if the row is a translation.
    ``messages`` replaces the written messages, and ``further`` stands beside them, for faults of structure.
    """

    turns: tuple[tuple[str, str], ...]
    language: str
    columns: tuple[tuple[str, str], ...] = ()
    original: str = ""
    messages: tuple[Record, ...] = ()
    further: dict[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The last question."""
        return self.turns[-1][0]

    @property
    def answer(self) -> str:
        """The last answer."""
        return self.turns[-1][1]

    def with_prompt(self, prompt: str) -> Row:
        """The row with another last question."""
        return replace(self, turns=(*self.turns[:-1], (prompt, self.answer)))

    def with_answer(self, answer: str) -> Row:
        """The row with another last answer."""
        return replace(self, turns=(*self.turns[:-1], (self.prompt, answer)))

    @property
    def labelled(self) -> bool:
        """Whether the answer is a label in a table."""
        return bool(self.columns)

    @property
    def chat(self) -> list[Record]:
        """The messages."""
        if self.messages:
            return list(self.messages)
        roles = ("user", "assistant")
        return [{"role": role, "content": text} for turn in self.turns for role, text in zip(roles, turn, strict=True)]


def as_table(rows: Sequence[Row]) -> tuple[str, list[int]]:
    """A CSV of texts and labels, and the line of each row."""
    stream, lines = io.StringIO(), []
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["text", "label", *(name for name, _ in rows[0].columns)])
    line = 2
    for row in rows:
        values = [row.prompt, row.answer, *(value for _, value in row.columns)]
        lines.append(line)
        line += 1 + sum(value.count("\n") for value in values)
        writer.writerow(values)
    return stream.getvalue(), lines


def as_chat(rows: Sequence[Row]) -> tuple[str, list[int]]:
    """JSON Lines with messages."""
    return _as_lines([{"messages": row.chat, **row.further} for row in rows])


def as_alpaca(rows: Sequence[Row]) -> tuple[str, list[int]]:
    """One JSON array of instructions, inputs and outputs."""
    records = [{"instruction": row.prompt, "input": "", "output": row.answer} for row in rows]
    return json.dumps(records, ensure_ascii=False, indent=1), list(range(1, len(rows) + 1))


def as_sharegpt(rows: Sequence[Row]) -> tuple[str, list[int]]:
    """JSON Lines with conversations."""
    names = {"user": "human", "assistant": "gpt"}
    return _as_lines(
        [
            {"conversations": [{"from": names.get(of["role"], of["role"]), "value": of["content"]} for of in row.chat]}
            for row in rows
        ]
    )


def _as_lines(records: Sequence[Record]) -> tuple[str, list[int]]:
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return text, list(range(1, len(records) + 1))


Write = Callable[[Sequence[Row]], tuple[str, list[int]]]
FORMATS: dict[str, tuple[str, Write]] = {
    "completion": (".csv", as_table),
    "chat": (".jsonl", as_chat),
    "alpaca": (".json", as_alpaca),
    "sharegpt": (".jsonl", as_sharegpt),
}

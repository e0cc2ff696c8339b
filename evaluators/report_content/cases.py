"""Joins the cases of a baseline and its candidates into rows, one for each case and repeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evaluators.report_content.content import CaseAnswer, CaseRow
from evaluators.report_content.texts import Text, Texts
from fairtrial.domain.answers.case_texts import messages_of, reference_of
from fairtrial.domain.answers.signals import departs
from fairtrial.domain.wording import Change

Row = Mapping[str, Any]
"""A row of the operations `runs.cases` and `runs.pairs`."""
Key = tuple[str, int]


def side_by_side(pairs: Sequence[Sequence[Row]], texts: Texts) -> tuple[CaseRow, ...]:
    """The cases of several candidates; ``pairs`` has, for each of them, its cases paired with the baseline's."""
    by_key = [{(row["case_id"], row["repeat"]): row for row in rows} for rows in pairs]
    keys: dict[Key, Row] = {}
    for rows in by_key:
        for key, row in rows.items():
            keys.setdefault(key, row)
    return tuple(_joined(row, [rows.get(key) for rows in by_key], texts) for key, row in keys.items())


def alone(rows: Sequence[Row], texts: Texts) -> tuple[CaseRow, ...]:
    """The cases of one run."""
    return tuple(
        CaseRow(
            **_question(row, texts, deleted=row["texts_deleted"]), answers=(_answer(row, texts),), grade=row["grade"]
        )
        for row in rows
    )


def _joined(first: Row, found: Sequence[Row | None], texts: Texts) -> CaseRow:
    baseline = _answer(first["baseline"], texts)
    others = tuple(None if row is None else _answer(row["candidate"], texts, row["change"]) for row in found)
    deleted = bool(first["candidate"]["texts_deleted"])
    return CaseRow(**_question(first, texts, deleted=deleted), answers=(baseline, *others))


def _question(row: Row, texts: Texts, *, deleted: bool) -> dict[str, Any]:
    return {
        "case_id": texts.case_id(row["case_id"]),
        "repeat": int(row["repeat"]),
        "tags": tuple((texts.label(tag), texts.label(value)) for tag, value in (row["tags"] or {}).items()),
        "texts": tuple(_texts(row["asked"], row["expected"], texts, deleted=deleted)),
    }


def _texts(asked: str | None, expected: str | None, texts: Texts, *, deleted: bool) -> Iterator[tuple[str, Text]]:
    if asked is None:
        yield "prompt", texts.shown(None, deleted=deleted)
    else:
        yield from ((texts.label(role), texts.shown(text)) for role, text in messages_of(asked))
    if expected is not None:
        yield "expected", texts.shown(reference_of(expected))


def _answer(row: Row, texts: Texts, change: Change | None = None) -> CaseAnswer:
    known = row["error"] if row["error"] is not None else row["output"] or row["refusal"] or ""
    text = texts.shown(known, deleted=bool(row["texts_deleted"]))
    scores = tuple((one["metric"], one["value"]) for one in row["scores"] if departs(one))
    return CaseAnswer(row["outcome"], text, scores, change)

"""Writes votes as JSON lines or CSV."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import to_builtins

from dashboard.components.formatting import csv_text
from fairtrial.api.review_answers import ExportedVote
from fairtrial.domain.review import ARMS, DIMENSIONS


def as_jsonl(rows: Sequence[ExportedVote]) -> str:
    """One line per vote."""
    return "".join(_line(to_builtins(row)) for row in rows)


def as_csv(rows: Sequence[ExportedVote]) -> str:
    """One row per vote with ratings in separate columns. No cell is a spreadsheet formula."""
    return csv_text([_flat(row) for row in rows])


def _flat(row: ExportedVote) -> dict[str, Any]:
    marks = {f"{arm}_{dimension}": row.ratings.get(arm, {}).get(dimension) for arm in ARMS for dimension in DIMENSIONS}
    return {name: value for name, value in to_builtins(row).items() if name != "ratings"} | marks


def _line(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


VOTE_FORMATS: Mapping[str, Callable[[Sequence[ExportedVote]], str]] = {"jsonl": as_jsonl, "csv": as_csv}

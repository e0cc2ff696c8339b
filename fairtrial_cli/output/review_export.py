"""Exports a closed review queue: all votes as JSON Lines or CSV, or agreed pairs as training data."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dashboard.components.downloads import csv_text

Row = Mapping[str, Any]
SIDES = ("candidate", "baseline")


def as_jsonl(rows: Sequence[Row]) -> str:
    """One line per vote."""
    return "".join(_line(row) for row in rows)


def as_csv(rows: Sequence[Row]) -> str:
    """One row per vote with ratings in separate columns. No cell is a spreadsheet formula."""
    return csv_text([_flat(row) for row in rows])


def as_dpo(rows: Sequence[Row]) -> str:
    """One line per pair on which all decided reviewers agree: prompt, chosen, rejected and provenance.

    Ties, "both bad", flagged pairs and duplicates are left out.
    """
    by_item: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_item[row["item_id"]].append(row)
    lines = dict.fromkeys(_line(pair) for votes in by_item.values() if (pair := _agreed(votes)) is not None)
    return "".join(lines)


FORMATS: Mapping[str, Callable[[Sequence[Row]], str]] = {"jsonl": as_jsonl, "csv": as_csv, "dpo": as_dpo}


def _agreed(votes: Sequence[Row]) -> dict[str, Any] | None:
    preferences = {row["preference"] for row in votes if row["preference"] != "cant_judge"}
    if len(preferences) != 1 or not preferences <= set(SIDES) or any(row["flagged"] for row in votes):
        return None
    (chosen,) = preferences
    rejected = SIDES[1 - SIDES.index(chosen)]
    first = votes[0]
    if first[f"{chosen}_output"] == first[f"{rejected}_output"]:
        return None
    return {
        "prompt": first["asked"],
        "chosen": [{"role": "assistant", "content": first[f"{chosen}_output"]}],
        "rejected": [{"role": "assistant", "content": first[f"{rejected}_output"]}],
        "provenance": {name: first[name] for name in ("queue_id", "suite", "case_id", "item_id", "probability")}
        | {"chosen_by": first[chosen], "rejected_by": first[rejected]}
        | {"chosen_run": first[f"{chosen}_run"], "rejected_run": first[f"{rejected}_run"]}
        | {"votes": len(votes), "reviewers": sorted({row["reviewer"] for row in votes})},
    }


def _flat(row: Row) -> dict[str, Any]:
    marks = {
        f"{side}_{dimension}": row["ratings"].get(side, {}).get(dimension)
        for side in SIDES
        for dimension in ("accuracy", "tone", "usefulness")
    }
    return {name: value for name, value in row.items() if name != "ratings"} | marks


def _line(value: Row) -> str:
    text = json.dumps(value, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()

"""Writes `tests/golden/assignment.json`; run it by hand only when the algorithm gets a new version."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from fairtrial.domain.plan import Experiment, Variant
from fairtrial.experiments.assignment import assign, bucket
from tests.fixtures.paths import ROOT

GOLDEN = ROOT / "tests" / "golden" / "assignment.json"
UNITS = ("user-1", "user-2", "alice@example.com", "Zoë", "用户-42", "🦊", "a b\tc", "0", "é", "é", "\ud800", "x" * 300)
SETTINGS: tuple[tuple[str, float, dict[str, float]], ...] = (
    ("tuned-vs-base", 100, {"base": 50, "tuned": 50}),
    ("tuned-vs-base", 10, {"base": 50, "tuned": 50}),
    ("tuned-vs-base-2", 40, {"base": 90, "tuned": 10}),
    ("sel d'été", 66.6, {"a": 33.3, "b": 33.3, "c": 33.4}),
    ("sel d'été", 100, {"a": 33.3, "b": 33.3, "c": 33.4}),
)


def experiment(salt: str, stage: float, split: dict[str, float]) -> Experiment:
    """An experiment of that salt, whose control is the first variant by name."""
    variants = tuple(Variant(name, "any", weight) for name, weight in sorted(split.items()))
    return Experiment("any", "any", "user", min(split), variants, salt, stage)


def vector(salt: str, stage: float, split: dict[str, float], unit: str) -> dict[str, Any]:
    """One vector; the buckets are decimal text, since many JSON readers can't hold 64 bits."""
    assignment = asdict(assign(experiment(salt, stage, split), unit))
    return {
        "salt": salt,
        "unit": unit,
        "stage": stage,
        "split": split,
        "control": min(split),
        "enrol": str(bucket(salt, "enrol", unit)),
        "arm": str(bucket(salt, "arm", unit)),
        "enrolled": assignment["enrolled"],
        "served": assignment["served"],
        "reason": assignment["reason"],
    }


def vectors() -> list[dict[str, Any]]:
    """Every unit in every setting."""
    return [vector(*setting, unit) for setting in SETTINGS for unit in UNITS]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({"version": 1, "vectors": vectors()}, indent=1) + "\n", encoding="ascii")

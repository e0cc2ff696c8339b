"""Plants faults with many seeds, and reports how many an audit finds, and how much of what it reports is right."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluators.training_data.audit import audit
from evaluators.training_data.example_file import read_examples
from tests.fixtures.paths import ROOT
from tests.fixtures.training_data.faults import Flip
from tests.fixtures.training_data.recall import FAULTS, Found, planted_trial, trial
from tests.fixtures.training_data.reports import Row, as_lines, labels_of, sound_rows, with_labels

SHIPPED = ROOT / "examples" / "support" / "data"
TESTED = ROOT / "suites" / "support" / "test.jsonl"
PRODUCTS = ("camera", "doorbell", "hub", "lock", "bulb", "thermostat", "plan")
INTENTS = ("refund", "delivery", "fault", "setup", "billing", "cancel")
FLIPS = (
    *(Flip("product", product, "urgency", "low") for product in PRODUCTS),
    *(Flip("product", product, "urgency") for product in PRODUCTS),
    *(Flip("intent", intent, "urgency") for intent in INTENTS),
)
"""Wrong patterns in the shipped tickets, one for each seed."""

Trials = dict[str, list[Found]]


def generated(seeds: int, rows: int) -> Trials:
    """Faults in generated reports."""
    with tempfile.TemporaryDirectory() as folder:
        return _gathered(trial(seed, Path(folder), rows=rows) for seed in range(seeds))


def tickets(seeds: int) -> Trials:
    """The same faults in the 440 tickets that the shipped models learnt from, with its test rows as leaks."""
    train, tested = _rows(SHIPPED / "train.jsonl"), _rows(TESTED)
    with tempfile.TemporaryDirectory() as folder:
        return _gathered(
            planted_trial(train, tested, seed=seed, flip=FLIPS[seed % len(FLIPS)], folder=Path(folder))
            for seed in range(seeds)
        )


def false_alarms(seeds: int) -> dict[str, tuple[int, int]]:
    """How many sound sets have an issue above information, and how many sets without a pattern have a wrong one."""
    shipped = _rows(SHIPPED / "train.jsonl")
    found = {"generated, sound": [0, 0], "tickets, a part": [0, 0], "tickets, labels exchanged at random": [0, 0]}
    for seed in range(seeds):
        sets = (
            sound_rows(1_000, seed=50_000 + seed),
            random.Random(seed).sample(shipped, 300),
            permuted(shipped, seed),
        )
        for (name, counts), rows in zip(found.items(), sets, strict=True):
            counts[0] += _raises_alarm(rows, only="wrong-pattern" if "random" in name else None)
            counts[1] += 1
    return {name: (alarms, sets) for name, (alarms, sets) in found.items()}


def permuted(rows: list[Row], seed: int) -> list[Row]:
    """The rows with the values of each label exchanged at random, so that no label follows from the words."""
    draw = random.Random(seed)
    for name in ("intent", "product", "urgency"):
        values = [labels_of(row)[name] for row in rows]
        draw.shuffle(values)
        rows = [with_labels(row, **{name: value}) for row, value in zip(rows, values, strict=True)]
    return rows


def table(name: str, trials: Trials) -> Iterator[str]:
    """Lines with the recall and precision of each fault, over all rows and in the worst seed."""
    yield f"{name}: {len(next(iter(trials.values())))} seeds"
    yield f"  {'fault':<18}{'planted':>8}{'recall':>9}{'worst':>8}{'reported':>10}{'precision':>11}{'worst':>8}"
    for fault in FAULTS:
        each = trials[fault]
        total = sum(each[1:], each[0])
        yield (
            f"  {fault:<18}{total.planted:>8,}{total.recall:>9.1%}{min(one.recall for one in each):>8.1%}"
            f"{total.reported:>10,}{total.precision:>11.1%}{min(one.precision for one in each):>8.1%}"
        )


def as_json(trials: Trials) -> dict[str, Any]:
    """Recall and precision over all seeds."""
    totals = {fault: sum(each[1:], each[0]) for fault, each in trials.items()}
    return {fault: {"recall": one.recall, "precision": one.precision} for fault, one in totals.items()}


def _gathered(each: Iterator[dict[str, Found]]) -> Trials:
    trials: Trials = {fault: [] for fault in FAULTS}
    for found in each:
        for fault, one in found.items():
            trials[fault].append(one)
    return trials


def _raises_alarm(rows: list[Row], *, only: str | None) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text(as_lines(rows), encoding="utf-8")
        issues = audit([read_examples(path)]).issues
    return any(issue.severity != "info" and only in (None, issue.check) for issue in issues)


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

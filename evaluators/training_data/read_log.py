"""Reads training logs: trainer_state.json, JSON lines, metrics files of OpenAI and Together, and logs of lists."""

import base64
import binascii
import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.training_data.training_log import Evaluation, TrainingLog, UnreadableLog
from fairtrial.named_files import read_named
from fairtrial.safe_files import MIB

MOST_BYTES = 64 * MIB
STEP = ("step", "global_step", "train/global_step", "eval/global_step", "step_number", "iteration", "iter", "_step")
EPOCH = ("epoch", "train/epoch", "eval/epoch")
TRAIN = ("loss", "train_loss", "train/loss", "training_loss")
VALIDATION = (
    "full_valid_loss",
    "eval_loss",
    "eval/loss",
    "valid_loss",
    "val_loss",
    "validation_loss",
    "val/loss",
    "valid/loss",
    "validation/loss",
)
"""Names of the same figure, the best first: OpenAI's ``full_valid_loss`` is over the whole validation file, and its
``valid_loss`` over one batch."""
SUMMARY = ("train_runtime", "train_samples_per_second")
"""Keys of the summary at the end of a trainer's log, whose loss is the mean of the whole run."""
KNOWN = (
    "known: trainer_state.json, JSON lines or a JSON list with step and loss, metrics files of OpenAI (CSV) and "
    "Together (JSON), and an object of train_loss and val_loss"
)

Row = Mapping[str, Any]


def read_log(path: Path) -> TrainingLog:
    """The log of a file; raises `UnreadableLog`."""
    return _log(path, *_rows(path, _text(path)))


def _text(path: Path) -> str:
    try:
        text = read_named(path, most=MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableLog(f"{path}: the file is not UTF-8 text ({KNOWN})") from error
    except OSError as error:
        raise UnreadableLog(f"{path}: {error.strerror}") from error
    return _decoded(text)


def _decoded(text: str) -> str:
    """The text itself, or what it encodes: OpenAI's API returns result files of some jobs as base64."""
    if "," in text or "{" in text:
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return text


def _rows(path: Path, text: str) -> tuple[str, Sequence[Row]]:
    """The format and its rows: one flat mapping for each recorded step."""
    if path.suffix != ".csv" and text.lstrip()[:1] in ("{", "["):
        value = _json(text)
        return ("JSON lines", _lines(path, text)) if value is None else _of_json(path, value)
    csv.field_size_limit(MOST_BYTES)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise UnreadableLog(f"{path}: the file is not CSV: {error} ({KNOWN})") from error
    return ("OpenAI metrics" if rows and "train_accuracy" in rows[0] else "CSV"), rows


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lines(path: Path, text: str) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        value = _json(line)
        if not isinstance(value, dict):
            raise UnreadableLog(f"{path}:{number}: the line is not a JSON object ({KNOWN})")
        rows.append(value)
    return rows


def _of_json(path: Path, value: Any) -> tuple[str, Sequence[Row]]:
    if isinstance(value, list):
        return _list_format(value), _objects(path, value)
    if isinstance(value.get("log_history"), list):
        return "trainer_state.json", _objects(path, value["log_history"])
    for key in ("metrics", "data"):
        if isinstance(value.get(key), list):
            return _list_format(value[key]), _objects(path, value[key])
    if isinstance(value.get("train_loss"), list) or isinstance(value.get("val_loss"), list):
        return "lists of losses", _of_lists(path, value)
    return "JSON lines", [value]


def _list_format(rows: Sequence[Any]) -> str:
    together = any(isinstance(row, dict) and any(key.startswith("train/") for key in row) for row in rows)
    return "Together metrics" if together else "JSON list"


def _objects(path: Path, values: Iterable[Any]) -> list[Row]:
    """Each object with its nested ``metrics`` beside its own keys, as OpenAI's checkpoints have them."""
    rows: list[Row] = []
    for number, value in enumerate(values, 1):
        if not isinstance(value, dict):
            raise UnreadableLog(f"{path}: entry {number} is not a JSON object ({KNOWN})")
        nested = value.get("metrics")
        rows.append({**value, **nested} if isinstance(nested, dict) else value)
    return rows


def _of_lists(path: Path, value: Row) -> list[Row]:
    """The rows of ``{train_loss: [..], val_loss: [[step, loss], ..], steps: N, args: {epochs: E}}``."""
    train = value.get("train_loss") or []
    validation = value.get("val_loss") or []
    if not (isinstance(train, list) and isinstance(validation, list)):
        raise UnreadableLog(f"{path}: train_loss and val_loss must be lists ({KNOWN})")
    args = value.get("args")
    epochs = _number(args.get("epochs")) if isinstance(args, dict) else None
    steps = _number(value.get("steps")) or float(len(train))
    of_step = epochs / steps if epochs and steps else None
    pairs = [("loss", *_pair(values, at)) for at, values in enumerate(train, 1)]
    pairs += [("eval_loss", *_pair(values, at)) for at, values in enumerate(validation, 1)]
    return [
        {"step": step, name: loss} | ({"epoch": step * of_step} if of_step and step is not None else {})
        for name, step, loss in pairs
    ]


def _pair(item: Any, at: int) -> tuple[float | None, Any]:
    return (_number(item[0]), item[1]) if isinstance(item, list) and len(item) == 2 else (float(at), item)


def _log(path: Path, form: str, rows: Sequence[Row]) -> TrainingLog:
    entries = [row for row in rows if not any(key in row for key in SUMMARY)]
    name = _validation_name(entries)
    train, odd = _series(entries, TRAIN)
    validation, odd_validation = _series(entries, (name,) if name else ())
    if not train and not validation:
        seen = ", ".join(sorted({str(key) for row in rows[:20] for key in row})[:12]) or "none"
        raise UnreadableLog(f"{path}: no loss is recorded in its entries (their keys: {seen}; {KNOWN})")
    others = sorted({key for row in entries for key in row if _is_other_loss(key, name)})
    notes = [f"not shown: {', '.join(others)}"] if others else []
    bad = odd + odd_validation
    notes += [f"{bad} losses are not finite numbers; training may have diverged"] if bad else []
    return TrainingLog(str(path), form, train, validation, tuple(notes))


def _validation_name(rows: Sequence[Row]) -> str | None:
    """The key of the validation loss: a known one, or that of the first of several validation sets."""
    keys = {key for row in rows for key, value in row.items() if _number(value) is not None}
    known = [key for key in VALIDATION if key in keys]
    full = known[:1] == ["full_valid_loss"] and sum("full_valid_loss" in row for row in rows)
    if full and len(known) > 1 and sum(_number(row.get("full_valid_loss")) is not None for row in rows) < 3:
        known = known[1:]  # one value at the end of a job says nothing about its course
    if known:
        return known[0]
    sets = sorted(key for key in keys if key.startswith("eval_") and key.endswith("_loss"))
    return sets[0] if sets else None


def _is_other_loss(key: Any, name: str | None) -> bool:
    return isinstance(key, str) and key.endswith("loss") and key not in TRAIN and key != name


def _series(rows: Sequence[Row], names: Sequence[str]) -> tuple[tuple[Evaluation, ...], int]:
    """The losses under the first of these names that a row has, by step, and how many are not finite."""
    evaluations: dict[float, Evaluation] = {}
    odd = 0
    for at, row in enumerate(rows, 1):
        loss = _number(next((row[name] for name in names if row.get(name) not in (None, "")), None))
        if loss is None:
            continue
        if not math.isfinite(loss):
            odd += 1
            continue
        step = _first(row, STEP)
        epoch = _first(row, EPOCH)
        place = step if step is not None else epoch if epoch is not None else float(at)
        evaluations[place] = Evaluation(place, loss, epoch)
    return tuple(evaluations[step] for step in sorted(evaluations)), odd


def _first(row: Row, names: Sequence[str]) -> float | None:
    numbers = (_number(row.get(name)) for name in names)
    return next((number for number in numbers if number is not None and math.isfinite(number)), None)


def _number(value: Any) -> float | None:
    """A number, or the number that a text spells, as in CSV."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None

"""Converts a `RunTable` to the JSON values of evidence and back, and reads stored evidence as text."""

import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from evaluators.results import run_table
from evaluators.results.controlled_table import controls_read
from fairtrial.domain.errors import UsageError

HEAD = (
    "run_id", "suite", "suite_digest", "target", "deployment_digest", "seed", "repeat", "started_us", "interrupted",
    "model", "fingerprint",
)  # fmt: skip
MEASURED = ("latency_ms", "tokens_out", "cost_usd")
"""Columns that are kept only if a line measures them."""


def written_table(
    run: run_table.RunTable,
    *,
    tags: Collection[str],
    scorers: Collection[str],
    measured: bool,
    details: Collection[str],
    answers: Mapping[int, int],
) -> dict[str, Any]:
    """The run as JSON values. ``tags``: the slices; ``scorers``: those of which corpus figures need the ``details``.

    ``measured``: whether latency, tokens and cost are kept. ``answers`` numbers the digests of answers, so that no
    digest of a short answer is kept. Negative controls are kept if they were read.
    """
    unknown = [None] * run.n
    return {
        **{name: getattr(run, name) for name in HEAD},
        "versions": dict(run.versions),
        "case_ids": list(run.case_ids),
        "case_of": run.case_of.tolist(),
        "outcomes": run.outcomes.tolist(),
        "failed": run.failed.astype(int).tolist(),
        "cached": run.cached.astype(int).tolist(),
        **{name: _numbers(getattr(run, name)) if measured else unknown for name in MEASURED},
        "values": {metric: _numbers(values) for metric, values in run.values.items()},
        "states": {scorer: states.tolist() for scorer, states in run.states.items()},
        "tags": {name: [tag.codes.tolist(), list(tag.texts)] for name, tag in run.tags.items() if name in tags},
        "clusters": None if run.clusters is None else run.clusters.tolist(),
        "details": {scorer: [_kept(row, details) for row in run.details(scorer)] for scorer in sorted(scorers)},
        "answers": [answers[digest] for digest in run.answers.tolist()],
        "controls": _written_controls(run, scorers, details),
    }


def _written_controls(
    run: run_table.RunTable, scorers: Collection[str], details: Collection[str]
) -> dict[str, Any] | None:
    controls = controls_read(run)
    if controls is None:
        return None
    rows = {scorer: list(controls.details(scorer)) for scorer in sorted(scorers)}
    return {
        "outcomes": controls.outcomes.tolist(),
        "values": {metric: [_numbers(of) for of in values] for metric, values in controls.values.items()},
        "details": {
            scorer: [None if row is None else [_kept(of, details) for of in row] for row in all_rows]
            for scorer, all_rows in rows.items()
        },
    }


def _read_controls(fields: Mapping[str, Any] | None) -> run_table.Controls | None:
    if fields is None:
        return None
    rows: Mapping[str, list[list[run_table.Details | None] | None]] = fields["details"]
    return run_table.Controls(
        np.array(fields["outcomes"], dtype=np.uint8),
        {metric: np.array([_floats_of_json(of) for of in values]) for metric, values in fields["values"].items()},
        lambda scorer: rows[scorer],
    )


def read_table(fields: Mapping[str, Any]) -> run_table.RunTable:
    """The inverse of `written_table`; raises `KeyError`, `TypeError` or `ValueError` for other content."""
    rows: Mapping[str, list[run_table.Details | None]] = fields["details"]

    def details(scorer: str) -> Iterable[run_table.Details | None]:
        return rows[scorer]

    clusters = fields["clusters"]
    head: dict[str, Any] = {name: fields[name] for name in HEAD}
    measured: dict[str, Any] = {name: _floats_of_json(fields[name]) for name in MEASURED}
    controls = _read_controls(fields.get("controls"))  # earlier evidence has neither them nor answers
    return run_table.RunTable(
        **head,
        **measured,
        metrics={},
        versions=fields["versions"],
        case_ids=tuple(fields["case_ids"]),
        case_of=np.array(fields["case_of"], dtype=np.intp),
        outcomes=np.array(fields["outcomes"], dtype=np.uint8),
        failed=np.array(fields["failed"], dtype=bool),
        cached=np.array(fields["cached"], dtype=bool),
        values={metric: _floats_of_json(values) for metric, values in fields["values"].items()},
        states={scorer: np.array(states, dtype=np.uint8) for scorer, states in fields["states"].items()},
        tags={
            name: run_table.Tag(np.array(codes, dtype=np.intp), tuple(texts))
            for name, (codes, texts) in fields["tags"].items()
        },
        clusters=None if clusters is None else np.array(clusters, dtype=np.intp),
        details=details,
        answers=np.array(fields.get("answers") or [0] * len(fields["outcomes"]), dtype=np.uint64),
        controls=lambda: controls,
    )


def _numbers(values: run_table.Floats) -> list[float | int | None]:
    """JSON numbers; whole ones without a fraction if all are whole, unknown ones as null."""
    unknown = np.isnan(values)
    whole = bool(np.all(np.mod(values[~unknown], 1) == 0))
    numbers: list[float | int | None] = np.where(unknown, 0, values).astype(np.int64 if whole else np.float64).tolist()
    for at in np.flatnonzero(unknown):
        numbers[at] = None
    return numbers


def _floats_of_json(numbers: Iterable[float | None]) -> run_table.Floats:
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)


def _kept(details: run_table.Details | None, names: Collection[str]) -> run_table.Details | None:
    return None if details is None else {name: value for name, value in details.items() if name in names}


class UnreadableEvidence(UsageError):
    """Stored evidence that can't be read; the message says why."""


def text_of(document: bytes) -> str:
    """The document as JSON text; raises `UnreadableEvidence`."""
    try:
        return zlib.decompress(document).decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise UnreadableEvidence(f"the stored evidence is damaged ({error})") from error


def strict_json_of(document: bytes) -> str:
    """The document as JSON for other programs; raises `UnreadableEvidence`.

    The stored text may have numbers that JSON does not allow. They become the texts "NaN", "Infinity" and "-Infinity".
    """
    text = text_of(document)
    try:
        content = json.loads(text, parse_constant=str)
        return json.dumps(content, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise UnreadableEvidence(f"the stored evidence can't be read ({error})") from error

"""Writes a run's columns as JSON values and reads them back, with the numbers that a gate needs and no text of a case.

Case ids, tags that are slices, and labels that the suite declares are kept, because findings name them. The text of a
whole document is read here too, without the types that it holds.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from evaluators.results.run_table import Details, Floats, RunTable, Tag
from fairtrial.domain.errors import UsageError

HEAD = (
    "run_id", "suite", "suite_digest", "target", "deployment_digest", "seed", "repeat", "started_us", "interrupted",
    "model", "fingerprint",
)  # fmt: skip
MEASURED = ("latency_ms", "tokens_out", "cost_usd")
"""Columns that are kept only if a line measures them."""


def written_table(
    run: RunTable, *, tags: Collection[str], scorers: Collection[str], measured: bool, details: Collection[str]
) -> dict[str, Any]:
    """The run as JSON values. ``tags``: the slices; ``scorers``: those of which corpus figures need the ``details``.

    ``measured``: whether latency, tokens and cost are kept.
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
        "details": {scorer: [_kept(one, details) for one in run.details(scorer)] for scorer in sorted(scorers)},
    }


def read_table(fields: Mapping[str, Any]) -> RunTable:
    """The inverse of `written_table`; raises `KeyError`, `TypeError` or `ValueError` for other content."""
    kept: Mapping[str, list[Details | None]] = fields["details"]

    def details(scorer: str) -> Iterable[Details | None]:
        return kept[scorer]

    clusters = fields["clusters"]
    head: dict[str, Any] = {name: fields[name] for name in HEAD}
    measured: dict[str, Any] = {name: _floats(fields[name]) for name in MEASURED}
    return RunTable(
        **head,
        **measured,
        metrics={},
        versions=fields["versions"],
        case_ids=tuple(fields["case_ids"]),
        case_of=np.array(fields["case_of"], dtype=np.intp),
        outcomes=np.array(fields["outcomes"], dtype=np.uint8),
        failed=np.array(fields["failed"], dtype=bool),
        cached=np.array(fields["cached"], dtype=bool),
        values={metric: _floats(values) for metric, values in fields["values"].items()},
        states={scorer: np.array(states, dtype=np.uint8) for scorer, states in fields["states"].items()},
        tags={
            name: Tag(np.array(codes, dtype=np.intp), tuple(texts)) for name, (codes, texts) in fields["tags"].items()
        },
        clusters=None if clusters is None else np.array(clusters, dtype=np.intp),
        details=details,
    )


def _numbers(values: Floats) -> list[float | int | None]:
    """JSON numbers; whole ones without a fraction if all are whole, unknown ones as null."""
    unknown = np.isnan(values)
    whole = bool(np.all(np.mod(values[~unknown], 1) == 0))
    numbers: list[float | int | None] = np.where(unknown, 0, values).astype(np.int64 if whole else np.float64).tolist()
    for at in np.flatnonzero(unknown):
        numbers[at] = None
    return numbers


def _floats(numbers: Iterable[float | None]) -> Floats:
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)


def _kept(details: Details | None, names: Collection[str]) -> Details | None:
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

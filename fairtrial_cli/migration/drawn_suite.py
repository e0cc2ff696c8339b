"""Writes a suite whose rows come from the store, in the folder where an erasure looks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from fairtrial.safe_files import write_private

NOTHING: Mapping[str, Any] = {}


def path_of(folder: Path, name: str) -> Path:
    """The file of the suite with this name."""
    return folder / f"{name}.yaml"


def write_suite(
    path: Path,
    description: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    tags: Sequence[str] = (),
    params: Mapping[str, Any] = NOTHING,
) -> None:
    """Write the suite and its rows, readable only by their owner.

    Each row has ``messages``, the recorded answer as ``expected``, and its provenance. ``tags``: the columns by which
    the suite is sliced. ``params`` are sent besides temperature 0. JSON objects are compared. Another wording of free
    text is not worse, so that only refusals are judged there.
    """
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_private(path.with_suffix(".jsonl"), lines.encode())
    structured = all(_is_object(row["expected"]) for row in rows)
    line = "json_equal not worse than base by 5pp" if structured else "refusals not worse than base by 5pp"
    content = {
        "suite": path.stem,
        "description": description,
        "data": f"{path.stem}.jsonl",
        "params": {"temperature": 0, **params},
        "score": ["json_equal" if structured else "fuzzy"],
        "gate": [line, "errors <= 1%"],
    }
    if tags:
        content |= {"tags": {name: name for name in tags}, "slices": list(tags)}
    write_private(path, _yaml(content).encode())


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _yaml(content: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    text = StringIO()
    YAML().dump(content, text)
    return text.getvalue()

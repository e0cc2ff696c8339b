"""Small suites, made in a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.suite import Suite
from evaluators.suite_file import load


def write_suite(folder: Path, text: str, rows: Sequence[dict[str, Any]] = ()) -> Path:
    """A suite file, beside its rows in ``rows.jsonl``."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def sums(folder: Path, count: int, *, score: str = "contains", more: str = "") -> Suite:
    """A suite of ``count`` sums: the question is ``I + 1 = ?`` and the answer ``I + 1``."""
    rows = [
        {"id": f"sum-{at}", "input": f"{at} + 1 = ?", "expected": str(at + 1), "half": at % 2} for at in range(count)
    ]
    text = f"suite: sums\ndata: rows.jsonl\nparams: {{temperature: 0}}\nscore: [{score}]\nslices: [half]\n{more}"
    return load(write_suite(folder, text, rows))[0]

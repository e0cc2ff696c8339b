"""Makes the suite of a memorisation test from rows, exactly as if they were in a file of the project."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from evaluators.training_data.memorisation.continuations import Continuations, Recipe
from fairtrial.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """Parameters of every request, the margin of the gate line in points, and a folder that keeps the suite's files."""

    params: Mapping[str, Any] = field(default_factory=dict)
    margin: float = 0.0
    folder: Path | None = None


USUAL = SuiteOptions()


def continuation_suite(name: str, made: Continuations, recipe: Recipe, options: SuiteOptions = USUAL) -> Suite:
    """The suite, with a gate line if there is a margin; raises `UsageError`."""
    if not made.rows:
        raise UsageError(f"{name}: no completion is long enough: after its beginning, 20 characters must be left")
    column = "prefix" if recipe.ask == "instruction" else "assistant_prefix"
    suite = {
        "suite": name,
        "description": "training texts and held-out texts, continued from their beginning",
        "data": f"{name}.jsonl",
        "params": {"temperature": 0, "max_tokens": made.max_tokens, **options.params},
        "score": [{"memorised": {"prefix_column": column}}],
        "slices": ["split"],
        "seed": recipe.seed,
        "gate": [f"memorised not worse than base by {options.margin:g}pp"] if options.margin else [],
    }
    if options.folder is not None:
        if options.margin:
            gate = {"version": 1, "gate": name, "suites": [f"{name}.yaml"]}
            (options.folder / f"{name}.gate.yaml").write_text(json.dumps(gate) + "\n", encoding="utf-8")
        return _written(options.folder, name, suite, made.rows)
    with TemporaryDirectory(prefix="fairtrial-") as temporary:
        return _written(Path(temporary), name, suite, made.rows)


def suite_name(kind: str, candidate: str) -> str:
    """The name of a generated suite of a candidate, such as ``memorisation-support-v2``."""
    return f"{kind}-" + "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in candidate)


def _written(folder: Path, name: str, suite: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Suite:
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(suite, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return load(path, root=folder)[0]

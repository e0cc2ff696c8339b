"""Imports rows with any column names from CSV, JSON Lines or Parquet files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.imports.files import read_table
from evaluators.imports.imported import ImportedSuite, ImportRefused, ImportSource, SuiteBuilder, column_named, named
from evaluators.scoring.scorer import references_of
from fairtrial.domain.answers.signals import DENSE

INPUTS = ("input", "question", "prompt", "query", "instruction", "user", "text")
REFERENCES = ("expected", "answer", "completion", "output", "response", "ideal", "target", "reference", "label")
SHORT = 40
"""Characters of a short reference, such as a name or a label."""
MOST_TOKENS = 64
"""Tokens of an answer that a short reference is looked for in, which is a sentence or two."""


def read(files: Sequence[Path], columns: Mapping[str, str]) -> list[ImportedSuite]:
    return [_suite(path, columns) for path in files]


def _suite(path: Path, columns: Mapping[str, str]) -> ImportedSuite:
    rows = read_table(path)
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns:
        if name not in names:
            raise ImportRefused(f"{path}: --map {name}={columns[name]}: there is no such column ({', '.join(names)})")
    for at, row in enumerate(rows, 1):
        messages = row.get("messages", [])
        if not isinstance(messages, list) or not all(isinstance(said, dict) for said in messages):
            raise ImportRefused(f"{path}: row {at}: 'messages' is not a list of messages (a text is named 'input')")
    question, reference = _column("input", INPUTS, names, columns), _column("expected", REFERENCES, names, columns)
    if question is None and "messages" not in names:
        raise ImportRefused(
            f"{path}: no column is the question (columns: {', '.join(names)}; name it with --map COLUMN=input)"
        )
    ours = {question: "input", reference: "expected", "id": "id", "messages": "messages"}
    builder = SuiteBuilder(named(path.stem, otherwise="rows"), f"Rows of {path.name}.")
    builder.rows += [
        {columns.get(name) or ours.get(name) or column_named(name): value for name, value in row.items()}
        for row in rows
    ]
    measured: dict[int, dict[str, Any]] = {
        at: {} for at, row in enumerate(builder.rows) if row.get("expected") not in (None, "")
    }
    references = [references_of(builder.rows[at]["expected"]) for at in measured]
    if measured and _are_names(references):
        dense = any(DENSE.search(text) for texts in references for text in texts)
        builder.scorer("contains", "contains", {"words": False} if dense else {}, measured)
        builder.params = {"max_tokens": MOST_TOKENS}
    elif measured:
        builder.scorer("exact", "exact", {}, measured)
        builder.scorer("fuzzy", "fuzzy", {}, measured)
    else:
        builder.missing("reference", ", ".join(names), "no column has a reference to compare with")
    return builder.build()


def _are_names(references: Sequence[tuple[str, ...]]) -> bool:
    """Whether all are short and most differ, so that a sentence may contain them. References that recur are labels."""
    short = all(texts and all(text.strip() and len(text) <= SHORT for text in texts) for texts in references)
    return short and 2 * len(set(references)) > len(references)


def _column(role: str, usual: Sequence[str], names: Sequence[str], columns: Mapping[str, str]) -> str | None:
    """The column with this role: the user's choice, or the first one with a usual name, in any case."""
    stated = next((name for name, ours in columns.items() if ours == role), None)
    if stated is not None:
        return stated
    free = {name.casefold().strip(): name for name in reversed(names) if name not in columns}
    return next((free[name] for name in usual if name in free), None)


sources = tuple(
    ImportSource(name, f"rows of {kind} files, with any column names", read)
    for name, kind in (("csv", "CSV"), ("jsonl", "JSON Lines"), ("parquet", "Parquet"))
)

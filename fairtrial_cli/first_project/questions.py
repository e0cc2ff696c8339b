"""Turns a person's questions into suites: rows of a table, one question a line, or a configuration of promptfoo."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from evaluators.criteria.content_lines import ADVICE, REVIEW_LINE
from evaluators.imports import files as imports
from evaluators.imports.imported import SOURCES, ImportedSuite, SuiteBuilder
from fairtrial.config.layout import bundled_data
from fairtrial.domain.errors import UsageError

PASTED = Path("-")
TABLES = {".csv": "csv", ".jsonl": "jsonl", ".json": "jsonl", ".parquet": "parquet"}
CONFIGURATION = (".yaml", ".yml")
STARTER = "sums"
GATE_ENDING = ".gate.yaml"


@dataclass(frozen=True, slots=True)
class Suites:
    """The suites of a new project by name, their files by path, and how many questions they have."""

    names: tuple[str, ...]
    files: Mapping[str, bytes]
    count: int
    compares: bool
    """Whether each suite has references, so that no person has to judge its answers."""
    notes: tuple[str, ...] = ()
    """Sentences on how answers are scored, and on rows that are left out."""

    @property
    def paths(self) -> list[str]:
        return [f"suites/{name}.yaml" for name in self.names]

    @property
    def gate(self) -> str:
        """The gate on these suites."""
        comment = "May the candidate replace the base? Each suite's own lines count, and all of them must hold."
        text = f"# {comment}\nversion: 1\ngate: release\nsuites: {json.dumps(self.paths, ensure_ascii=False)}\n"
        return text if self.compares else f"{text}# {ADVICE}\nrequire: [{REVIEW_LINE}]\n"


def suites_of(source: Path | None) -> Suites:
    """The suites of the file, of pasted lines (``-``), or small sums until the person has questions."""
    if source is None:
        folder = bundled_data("examples/init/shared/suites")
        paths = [folder / f"{STARTER}.yaml", folder / f"{STARTER}.jsonl"]
        files = {f"suites/{path.name}": path.read_bytes() for path in paths}
        return Suites((STARTER,), files, len(paths[1].read_text(encoding="utf-8").splitlines()), compares=True)
    imported = [suite for suite in _imported(source) if suite.rows]
    if not imported:
        raise UsageError(f"{source}: it has no questions")
    written = imports.files_of(imported)
    imports.check(imported, written)
    return Suites(
        tuple(suite.name for suite in imported),
        {f"suites/{name}": text.encode() for name, text in written.items() if not name.endswith(GATE_ENDING)},
        sum(len(suite.rows) for suite in imported),
        compares=all(suite.compares for suite in imported),
        notes=tuple(dict.fromkeys(note for suite in imported for note in _notes(suite))),
    )


def _notes(suite: ImportedSuite) -> list[str]:
    kinds = ", ".join(dict.fromkeys(kind for entry in suite.score for kind in entry))
    limit = suite.params.get("max_tokens")
    longer = f"; max_tokens: {limit} (raise it if a model reasons before it answers)" if limit else ""
    return [
        *([f"scored by: {kinds}{longer}"] if suite.compares else []),
        *(f"{each.note}: {each.original} (suites/{imports.REPORT})" for each in suite.criteria if each.name == "rows"),
    ]


def _imported(source: Path) -> Sequence[ImportedSuite]:
    if source == PASTED:
        return [_of_lines(_pasted(), "what you pasted")]
    if source.suffix in CONFIGURATION or (source.suffix == ".json" and isinstance(imports.read_json(source)[0], dict)):
        return SOURCES.get("promptfoo").read([source], {})
    if source.suffix in TABLES:
        return SOURCES.get(TABLES[source.suffix]).read([source], {})
    return [_of_lines(imports.read_text(source), source.name)]


def _pasted() -> str:
    if sys.stdin.isatty():
        click.echo("Paste one question a line, then press Ctrl-D.", err=True)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("--questions -: what you pasted is not UTF-8 text") from error


def _of_lines(text: str, origin: str) -> ImportedSuite:
    builder = SuiteBuilder("questions", f"Questions of {origin}.")
    builder.rows += [{"input": line.strip()} for line in text.splitlines() if line.strip()]
    builder.missing("reference", "one question a line", "the questions have no references to compare with")
    return builder.build()

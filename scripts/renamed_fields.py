"""Renames fields of answers, one at a time, and lists the renames that no reader notices (`make renames`).

A field of an operation's answer is renamed where it is declared, in a temporary copy. The code that builds the answer
then fails in any case. A rename is therefore noticed only if mypy reports a missing attribute in a folder of `READERS`.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from inspect import getsourcefile, getsourcelines
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args, get_type_hints

import msgspec

ROOT = Path(__file__).parents[1]
READERS = ("dashboard", "fairtrial_cli", "fairtrial/documents", "evaluators/reports", "evaluators/report_content")
"""The folders whose code shows answers."""

KEYS_OF_OTHERS: Mapping[str, str] = {
    "dashboard/components/charts.py": "rows of a chart that pages made",
    "dashboard/experiments/traffic.py": "counts by reason",
    "dashboard/runs/compare.py": "a line of a table, and the URL",
    "dashboard/runs/detail.py": "the URL",
    "dashboard/views/audit_trail.py": "the URL",
    "dashboard/views/data_audit.py": "the URL",
    "dashboard/views/experiment.py": "the URL",
    "dashboard/views/gate.py": "the URL",
    "dashboard/views/overview.py": "the URL, and row counts by table",
    "dashboard/views/review.py": "the URL, and what the browser sends",
    "dashboard/views/runs.py": "the URL",
    "evaluators/reports/json.py": "the verdict as JSON, which it completes",
    "fairtrial_cli/commands/check.py": "YAML of users",
    "fairtrial_cli/commands/health.py": "an exception of urllib",
    "fairtrial_cli/data_commands/fix.py": "details of a finding, which each check names",
    "fairtrial_cli/data_commands/memorisation.py": "training rows",
    "fairtrial_cli/demo/model_servers.py": "a chat request",
    "fairtrial_cli/demo/narration.py": "values of a scorer",
    "fairtrial_cli/demo/traffic.py": "rows of a suite, and a model's JSON",
    "fairtrial_cli/first_project/questions.py": "parameters of a request",
    "fairtrial_cli/first_project/served_models.py": "lists of models of other servers",
    "fairtrial_cli/main.py": "streams of Python",
    "fairtrial_cli/migration/drawn_suites.py": "rows of a suite",
    "fairtrial_cli/migration/experiment_file.py": "YAML of users",
    "fairtrial_cli/output/stored_runs.py": "chat messages",
    "fairtrial_cli/output/terminal.py": "fields of a progress bar",
    "fairtrial_cli/processes/health_watch.py": "processes by name",
    "fairtrial_cli/store_client/client.py": "YAML of users",
    "fairtrial_cli/store_client/stored.py": "frozen plans, which may have the fields of older rules",
    "fairtrial_cli/training_data/audit.py": "counts by severity",
    "fairtrial_cli/training_data/data_files.py": "training rows",
    "fairtrial_cli/training_data/exports.py": "training rows",
}
"""The files with reads by a string key, each with whose keys these are."""

_ERROR = re.compile(r"^(.+?):\d+: error: (.*)", re.MULTILINE)
_NAME = re.compile(r"[a-z_]+$")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an answer. ``path``: the file that declares it, below the root."""

    owner: str
    name: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}"


@dataclass(frozen=True, slots=True)
class Rename:
    """One rename with mypy's errors, each a file with its text; ``keys``: where readers have the name as a key."""

    field: Field
    errors: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]

    @property
    def status(self) -> str:
        """Whether a reader notices it; otherwise, who reads the field."""
        readers = [file for file, text in self.errors if f'has no attribute "{self.field.name}"' in text]
        if any(is_below(file, READERS) for file in readers):
            return "noticed"
        if not self.errors:
            return "passes mypy"
        return f"read elsewhere only ({readers[0]})" if readers else "never read"

    @property
    def is_survivor(self) -> bool:
        """Whether a command or page may read it without mypy's help."""
        return bool(self.keys) and self.status != "noticed"


def is_below(path: str, folders: Iterable[str]) -> bool:
    """Whether a file is below one of the folders."""
    return any(path.startswith(f"{folder}/") or path == f"{folder}.py" for folder in folders)


def answer_fields(answers: Iterable[Any], root: Path) -> list[Field]:
    """The fields of all records in the types, at any depth, each where it is declared."""
    waiting, seen, found = list(answers), set[type](), dict[tuple[str, int], Field]()
    while waiting:
        type_ = waiting.pop()
        waiting += get_args(type_)
        if not isinstance(type_, type) or type_ in seen or not _is_record(type_):
            continue
        seen.add(type_)
        waiting += get_type_hints(type_, include_extras=False).values()
        for base in type_.__mro__:
            for field in _declared(base, root):
                found[field.path, field.line] = field
    return sorted(found.values(), key=lambda field: (field.path, field.line))


def _is_record(type_: type) -> bool:
    return is_dataclass(type_) or issubclass(type_, msgspec.Struct)


def _declared(type_: type, root: Path) -> Iterator[Field]:
    """The fields that a class of the tree declares itself."""
    path = Path(getsourcefile(type_) or "") if _is_record(type_) and type_ is not msgspec.Struct else None
    if path is None or not path.is_relative_to(root):
        return
    lines, first = getsourcelines(type_)
    [tree] = ast.parse("".join(lines)).body
    place = path.relative_to(root).as_posix()
    declared = [node for node in ast.iter_child_nodes(tree) if isinstance(node, ast.AnnAssign)]
    for node in declared:
        if isinstance(node.target, ast.Name) and "ClassVar" not in ast.unparse(node.annotation):
            yield Field(type_.__qualname__, node.target.id, place, first + node.lineno - 1)


def trees(root: Path, folders: Iterable[str]) -> Iterator[tuple[str, ast.Module]]:
    """The files below some folders, by their paths below the root."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def attributes_of(root: Path) -> set[str]:
    """The names of all attributes that readers read, of whatever type."""
    nodes = (node for _, tree in trees(root, READERS) for node in ast.walk(tree))
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def key_reads(root: Path, folders: Iterable[str] = READERS) -> Iterator[tuple[str, str, str]]:
    """Each read by a string key: the file, the line and the key. Constants of a module are no data."""
    for path, tree in trees(root, folders):
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.expr)):
            receiver, key = _key_read(node)
            if isinstance(key, ast.Constant) and _NAME.match(str(key.value)) and not ast.unparse(receiver).isupper():
                yield path, f"{path}:{node.lineno}", str(key.value)


def _key_read(node: ast.expr) -> tuple[ast.expr, ast.expr | None]:
    """What a node reads from, and by which key."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return node.value, node.slice
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop"):
        return node.func.value, next(iter(node.args), None)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        return node.args[0], node.args[1]
    return node, None


class TypeCheck:
    """A copy of the tree that mypy's server checks again after each change."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.tree = folder / "tree"
        self._status = folder / "status.json"
        self._second = 1_000_000_000
        ignored = shutil.ignore_patterns(".*", "__pycache__", "tests", "node_modules")
        shutil.copytree(root, self.tree, ignore=ignored)

    def errors(self) -> tuple[tuple[str, str], ...]:
        """Each error's file and text."""
        result = self._run("run", "--timeout", "900", "--", "--no-error-summary")
        if result.returncode not in (0, 1):
            raise RuntimeError(result.stdout + result.stderr)
        return tuple(_ERROR.findall(result.stdout))

    def stop(self) -> None:
        """End the server."""
        self._run("stop")

    @contextmanager
    def renamed(self, field: Field) -> Iterator[None]:
        """The tree with another name of the field in its declaration."""
        file = self.tree / field.path
        before = file.read_text(encoding="utf-8")
        lines = before.splitlines(keepends=True)
        at = field.line - 1
        lines[at] = re.sub(rf"\b{field.name}\b", f"{field.name}_renamed", lines[at], count=1)
        self._write(file, "".join(lines))
        yield
        self._write(file, before)

    def _write(self, file: Path, text: str) -> None:
        """Write a file at a later second, because mypy may miss a second change of the same second and size."""
        file.write_text(text, encoding="utf-8")
        self._second += 1
        os.utime(file, (self._second, self._second))

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mypy.dmypy", "--status-file", str(self._status), *arguments]
        return subprocess.run(command, cwd=self.tree, capture_output=True, text=True)


def rename_each(root: Path, fields: Sequence[Field], keys: Sequence[tuple[str, str, str]]) -> Iterator[Rename]:
    """Rename one field after the other."""
    with TemporaryDirectory(prefix="renames-") as folder:
        check = TypeCheck(root, Path(folder))
        try:
            if errors := check.errors():
                raise RuntimeError(f"mypy fails before any rename: {', '.join(sorted({file for file, _ in errors}))}")
            for field in fields:
                with check.renamed(field):
                    errors = check.errors()
                yield Rename(field, errors, tuple(place for _, place, key in keys if key == field.name))
        finally:
            check.stop()


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT, answers: Iterable[Any] | None = None) -> None:
    """Draw fields, rename them, and print those that no reader notices; exits with 1 if there are some."""
    parser = argparse.ArgumentParser(prog="make renames", description="Rename fields of answers, and run mypy.")
    parser.add_argument("--count", type=int, default=50, help="renamed fields; 0 means all (50)")
    parser.add_argument("--all", action="store_true", help="also rename the fields that no reader names")
    parser.add_argument("--seed", type=int, default=1, help="what draws them (1)")
    options = parser.parse_args(arguments)
    keys = [read for read in key_reads(root) if read[0] not in KEYS_OF_OTHERS]
    names = attributes_of(root) | {key for *_, key in keys}
    fields = answer_fields(_answers() if answers is None else answers, root)
    shown = [field for field in fields if options.all or field.name in names]
    drawn = random.Random(options.seed).sample(shown, min(options.count or len(shown), len(shown)))
    print(f"{len(fields)} fields of answers; readers may read {len(shown)}; {len(drawn)} are renamed", flush=True)
    renames = []
    for rename in rename_each(root, drawn, keys):
        renames.append(rename)
        if rename.status != "noticed":
            keys_of = f" (the same key: {', '.join(rename.keys)})" if rename.keys else ""
            print(f"{rename.field.path}:{rename.field.line}: {rename.field}: {rename.status}{keys_of}", flush=True)
    survivors = sum(rename.is_survivor for rename in renames)
    noticed = sum(rename.status == "noticed" for rename in renames)
    print(f"{noticed} renames fail at a reader; {survivors} others may be read by a key; no reader reads the rest")
    sys.exit(1 if survivors else 0)


def _answers() -> Iterator[Any]:
    """What operations answer, and what pages make of that for their templates."""
    from dashboard.experiments.overview_rows import OverviewRow
    from fairtrial.api.operation import operations

    yield OverviewRow
    yield from (operation.response for operation in operations())


if __name__ == "__main__":
    main()

"""Reads what a configuration of promptfoo names: references, files of prompts, of tests and of variables."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from evaluators.imports.files import exists, listed, mapping, read_table, read_text, read_values
from evaluators.imports.imported import ImportRefused
from evaluators.imports.promptfoo_assertions import as_assertion
from fairtrial.config.file.project_files import project_root

FILE = "file://"
YAML = (".yaml", ".yml")
PROMPTS = (".txt", ".md", ".j2", ".json", ".jsonl", ".csv", *YAML)
TESTS = (".csv", ".json", ".jsonl", *YAML)
VALUES = (".txt", ".md", ".json", *YAML)
PROGRAMS = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".rb", ".sh", ".exe", ".bat")
OF_A_TEST = frozenset({"vars", "assert", "description", "options", "threshold", "metadata", "provider"})
MOST_FILES = 1000
MOST_VALUES = 2_000_000
"""Values of a file with what its references lead to."""
DEEPEST = 20
"""References that lead to each other."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: its template, or ``None`` with the reason why there is none; ``original``: as it is written."""

    template: str | None
    original: Any
    note: str = ""


@dataclass(slots=True)
class ConfigFiles:
    """The files that the configuration at ``path`` may name: those of its project's folder."""

    path: Path
    unread: list[tuple[str, str]] = field(default_factory=list)
    """Files of tests that can't be read, each with the reason."""

    @property
    def folder(self) -> Path:
        return self.path.absolute().parent

    def paths(self, name: str) -> list[Path]:
        """The files of a name, which may have wildcards; none if a path without wildcards does not exist."""
        name = name.removeprefix(FILE)
        if not {"*", "?", "["} & set(name):
            path = self.folder / name
            return [path] if exists(path) else []
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise ImportRefused(f"{self.path}: {name}: wildcards may name only files below the configuration")
        files = list(islice((path for path in self.folder.glob(name) if path.is_file()), MOST_FILES + 1))
        if len(files) > MOST_FILES:
            raise ImportRefused(f"{self.path}: {name}: it names more than {MOST_FILES:,} files")
        return sorted(files)

    def text(self, path: Path) -> str:
        return read_text(path, folder=self.root)

    @property
    def root(self) -> Path:
        return project_root(self.path)

    def values(self, path: Path) -> list[Any]:
        return read_values(path, folder=self.root)

    def prompts(self, written: Any) -> Iterator[Prompt]:
        """The prompts of the configuration, in their order."""
        if isinstance(written, Mapping) and not {"raw", "id", "label", "file"} & written.keys():
            written = list(written)  # an older form: file → label
        for item in listed(written):
            text = mapping(item).get("raw") or mapping(item).get("file") or mapping(item).get("id") or item
            if isinstance(text, Mapping | list):
                yield Prompt(json.dumps(text, ensure_ascii=False), item)
            elif _is_path(text := str(text)):
                yield from self._prompt_files(text, item)
            else:
                yield Prompt(text, item)

    def _prompt_files(self, text: str, written: Any) -> Iterator[Prompt]:
        paths = self.paths(text)
        suffix = Path(text).suffix.partition(":")[0]
        if suffix in PROGRAMS or text.startswith("exec:"):
            yield Prompt(None, written, "a program makes it, and it is not run")
        elif not paths and text.startswith(FILE):
            raise ImportRefused(f"{self.path}: {text}: there is no such file")
        elif not paths:
            yield Prompt(text, written)  # promptfoo also takes a name without a file as the prompt itself
        for path in () if suffix in PROGRAMS else paths:
            if path.suffix not in PROMPTS:
                yield Prompt(None, written, f"prompts from {path.suffix} files are not read")
                continue
            yield from (Prompt(template, written) for template in self._templates(path))

    def _templates(self, path: Path) -> Iterator[str]:
        if path.suffix == ".csv":
            rows = read_table(path, folder=self.root)
            yield from (str(row.get("prompt") or next(iter(row.values()), "")) for row in rows)
        elif path.suffix in YAML:
            yield from (json.dumps(value, ensure_ascii=False, default=str) for value in self.values(path))
        elif path.suffix == ".jsonl":
            yield from (line for line in self.text(path).splitlines() if line.strip())
        elif path.suffix == ".txt":
            parts: list[list[str]] = [[]]
            for line in self.text(path).splitlines():
                if line.strip() == "---":
                    parts.append([])
                else:
                    parts[-1].append(line)
            yield from (text for part in parts if (text := "\n".join(part).strip()))
        else:
            yield self.text(path)

    def tests(self, written: Any) -> Iterator[Mapping[str, Any]]:
        """The tests that are written, or in the files that are named."""
        for test in listed(written):
            name = test if isinstance(test, str) else mapping(test).get("path")
            if not isinstance(name, str):
                yield mapping(test)
                continue
            suffix = Path(name).suffix.partition(":")[0]
            if suffix in PROGRAMS or suffix not in TESTS or "://" in name.removeprefix(FILE):
                reason = (
                    "a program makes them, and it is not run"
                    if suffix in PROGRAMS
                    else "they are elsewhere, or in another kind of file"
                )
                self.unread.append((name, f"{reason}: tests are read from CSV, JSON, JSON Lines and YAML files here"))
                continue
            if not (paths := self.paths(name)):
                raise ImportRefused(f"{self.path}: {name}: there is no such file")
            for path in paths:
                yield from self._tests_of(path)

    def _tests_of(self, path: Path) -> Iterator[Mapping[str, Any]]:
        if path.suffix == ".csv":
            yield from map(_test_of_row, read_table(path, folder=self.root))
            return
        for value in self.values(path):
            for test in listed(dereferenced(value, path)):
                is_test = bool(OF_A_TEST & mapping(test).keys())
                yield mapping(test) if is_test else _test_of_row(mapping(test))

    def assertion(self, written: Any) -> Any:
        """An assertion, or a set of them, with the content of a file instead of its name."""
        value = mapping(written).get("value")
        if isinstance(mapping(written).get("assert"), list):
            return {**written, "assert": [self.assertion(inner) for inner in written["assert"]]}
        if not isinstance(value, str) or not value.startswith(FILE) or Path(value).suffix not in VALUES:
            return written
        paths = self.paths(value)
        if len(paths) != 1:
            return written
        text = paths[0].suffix in (".txt", ".md")
        return {**written, "value": self.text(paths[0]).strip() if text else self.values(paths[0])[0]}

    def variable(self, value: Any) -> list[Any]:
        """The values of a variable: a list of texts is one after another, a file its content."""
        if isinstance(value, list):
            return value if value and isinstance(value[0], str) else [value]
        if not isinstance(value, str) or not value.startswith(FILE):
            return [value.removesuffix("\n") if isinstance(value, str) else value]
        return [self._content(path) for path in self.paths(value)] or [value]

    def _content(self, path: Path) -> Any:
        if path.suffix in YAML:
            return json.dumps(self.values(path)[0], ensure_ascii=False, default=str, separators=(",", ":"))
        if path.suffix in PROGRAMS or path.suffix not in (*PROMPTS, ""):
            return f"{FILE}{path.name}"
        return self.text(path).strip()


def _is_path(text: str) -> bool:
    if text.startswith((FILE, "exec:")):
        return True
    suffix = Path(text).suffix.partition(":")[0]
    return len(text) < 200 and not {"\n", "{"} & set(text) and suffix in (*PROMPTS, *PROGRAMS)


def _test_of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The test of a table's row, whose columns are variables, or begin with ``__`` for promptfoo itself."""
    row = {name.strip(): value for name, value in row.items()}
    expected = [name for name, value in row.items() if name.startswith("__expected") and str(value or "").strip()]
    assertions = [as_assertion(str(row[name])) for name in expected]
    for name, value in row.items():
        parts = name.split(":")
        if parts[0] != "__config" or parts[-1] != "threshold" or not value:
            continue
        number = parts[1].removeprefix("__expected") or "1"
        if number.isdigit() and 0 < int(number) <= len(assertions):
            assertions[int(number) - 1]["threshold"] = _number(value)
    if row.get("__metric"):
        assertions = [{**assertion, "metric": row["__metric"]} for assertion in assertions]
    options = {name[2:]: row[name] for name in ("__prefix", "__suffix") if row.get(name)}
    threshold = {"threshold": _number(row["__threshold"])} if row.get("__threshold") else {}
    variables = {name: value for name, value in row.items() if not name.startswith("__")}
    return {"vars": variables, "assert": assertions, **threshold, **({"options": options} if options else {})}


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def dereferenced(value: Any, path: Path) -> Any:
    """The value of a file with each ``$ref: '#/a/b'`` replaced by that part of it; raises `ImportRefused`."""
    left = MOST_VALUES

    def resolved(part: Any, seen: tuple[str, ...]) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ImportRefused(f"{path}: its $ref expand to more than {MOST_VALUES:,} values")
        if isinstance(part, list):
            return [resolved(item, seen) for item in part]
        if not isinstance(part, Mapping):
            return part
        name = part.get("$ref")
        if not isinstance(name, str):
            return {key: resolved(item, seen) for key, item in part.items()}
        target = value if name.startswith("#/") and name not in seen and len(seen) < DEEPEST else None
        for step in name[2:].split("/"):
            target = mapping(target).get(step.replace("~1", "/").replace("~0", "~"))
        if target is None:
            raise ImportRefused(f"{path}: its $ref {name!r:.80} is not a part of the file, or leads back to itself")
        rest = {key: item for key, item in part.items() if key != "$ref"}
        return resolved({**target, **rest} if isinstance(target, Mapping) else target, (*seen, name))

    return resolved(value, ())

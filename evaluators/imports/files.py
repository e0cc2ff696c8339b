"""Reads the files that an import names, within limits, and writes the imported suites: all files or none."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from difflib import unified_diff
from io import StringIO
from pathlib import Path
from textwrap import fill
from typing import Any

from ruamel.yaml import YAML

from evaluators.criteria.content_lines import ADVICE, REVIEW_LINE
from evaluators.imports.imported import ANSWERED, OUTCOMES, Criterion, ImportedSuite, ImportRefused
from evaluators.loading.rows import MOST_ROWS, read_rows
from evaluators.loading.suite_reader import load
from fairtrial.config.file.project_files import read_bytes, refuse_private
from fairtrial.config.file.yaml_file import parse
from fairtrial.domain.errors import ConfigError
from fairtrial.domain.limits.json_limits import file_excess
from fairtrial.domain.limits.nesting import is_deep
from fairtrial.domain.wording import counted
from fairtrial.named_files import PARQUET, parquet_as_lines
from fairtrial.safe_files import MIB, FileRefused, write_private

MOST_BYTES = 64 * MIB
REPORT = "import.md"
STUB = '''\
"""{name}, which was code of the evaluation that this suite comes from. The original was not run."""
{code}

from fairtrial.scoring import scorer


@scorer
def {name}(answer: str, expected: str, row: dict) -> bool | None:
    """Write the check here. Then add `own: {{name: {name}, file: scorers/{name}.py}}` to the suite's `score`."""
    raise NotImplementedError
'''


def exists(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.exists()
    except OSError:
        return False


def read_content(path: Path, *, folder: Path | None = None) -> bytes:
    """The bytes of a regular file inside ``folder``, by default its own; raises `ImportRefused`."""
    root = folder or path.absolute().parent
    try:
        refuse_private(path, root)
        return read_bytes(path, root, most=MOST_BYTES)
    except FileRefused as error:
        raise ImportRefused(f"{path}: it {error.wrong}" + (f" ({error.known})" if error.known else "")) from error


def read_text(path: Path, *, folder: Path | None = None) -> str:
    """The text of such a file."""
    try:
        return read_content(path, folder=folder).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{path}: it is not UTF-8 text") from error


def read_json(path: Path, *, folder: Path | None = None) -> list[Any]:
    """The value of a JSON file, or those of the lines of a JSON Lines file."""
    text = read_text(path, folder=folder)
    if path.suffix != ".jsonl":
        return [_parsed(path, text, "")]
    lines = enumerate(text.split("\n"), 1)
    return [_parsed(path, line, f", line {number}") for number, line in lines if line.strip()]


def _parsed(path: Path, text: str, place: str) -> Any:
    if beyond := file_excess(text):
        raise ImportRefused(f"{path}{place}: it has more than {beyond}")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ImportRefused(f"{path}{place}: it is nested too deeply") from error
    except ValueError as error:
        raise ImportRefused(f"{path}{place}: it is not JSON ({error})") from error
    if is_deep(value):
        raise ImportRefused(f"{path}{place}: it is nested too deeply")
    return value


def read_yaml(path: Path, *, folder: Path | None = None) -> list[Any]:
    """The documents of a YAML file."""
    try:
        return [document.value for document in parse(read_text(path, folder=folder), str(path))]
    except ConfigError as error:
        raise ImportRefused(str(error).split("\n", 1)[0]) from error


def read_values(path: Path, *, folder: Path | None = None) -> list[Any]:
    """The values of a JSON, JSON Lines or YAML file."""
    return (read_yaml if path.suffix in (".yaml", ".yml") else read_json)(path, folder=folder)


def read_table(path: Path, *, folder: Path | None = None) -> list[dict[str, Any]]:
    """The rows of a CSV, JSON, JSON Lines or Parquet file."""
    try:
        if path.suffix == PARQUET:
            text = parquet_as_lines(read_content(path, folder=folder), MOST_ROWS)
        else:
            text = read_text(path, folder=folder)
    except FileRefused as error:
        raise ImportRefused(f"{path}: it {error.wrong}") from error
    rows, errors = read_rows(path, text)
    if errors:
        raise ImportRefused(str(errors[0]))
    return [row.columns for row in rows]


def mapping(value: Any) -> Mapping[str, Any]:
    """The value, or an empty mapping for anything else."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """The value as a list: ``None`` is empty, and a single value is its only item."""
    return [] if value is None else value if isinstance(value, list) else [value]


def is_share(value: Any) -> bool:
    """Whether the value is a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def files_of(suites: Sequence[ImportedSuite]) -> dict[str, str]:
    """Every file of the import by its path in the folder."""
    files: dict[str, str] = {}
    for suite in suites:
        files[f"{suite.name}.yaml"] = _suite_text(suite)
        files[f"{suite.name}.rows.jsonl"] = "".join(
            json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in suite.rows
        )
        files[f"{suite.name}.gate.yaml"] = _gate_text(suite)
        for name, code in suite.stubs.items():
            quoted = "\n".join(f"# {line}".rstrip() for line in code.replace("\0", "").splitlines())
            files[f"scorers/{name}.py"] = STUB.format(name=name, code=quoted)
    files[REPORT] = report(suites)
    return files


def changed(files: Mapping[str, str], folder: Path) -> list[str]:
    """The lines of a unified diff against the files that stand in the folder; raises `ImportRefused` for a link."""
    lines: list[str] = []
    for name, text in files.items():
        path = folder / name
        if link := next((part for part in (path, path.parent) if part.is_symlink()), None):
            raise ImportRefused(f"{link}: it is a link; nothing was written")
        if path.is_file() and (old := path.read_text(encoding="utf-8", errors="replace")) != text:
            lines += unified_diff(old.splitlines(), text.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=1)
    return lines


def check(suites: Sequence[ImportedSuite], files: Mapping[str, str]) -> None:
    """Load every suite with rows as `fairtrial check` does; raises `ImportRefused` with the first error."""
    folder = Path(tempfile.mkdtemp(prefix="fairtrial-import-"))
    try:
        write(files, folder)
        for suite in suites:
            if suite.rows and suite.score:
                load(folder / f"{suite.name}.yaml")
    except ConfigError as error:
        wrong = error.errors[0]
        raise ImportRefused(
            f"{Path(wrong.file).name} would not be valid: {wrong.wrong}; nothing was written"
        ) from error
    except UnicodeEncodeError as error:
        raise ImportRefused("a text of the original has half of a character, which UTF-8 cannot encode") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write all files or none: each is complete beside the folder's files before the first of them is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        staging = Path(tempfile.mkdtemp(prefix=".import-", dir=folder))
    except OSError as error:
        raise ImportRefused(f"{folder}: nothing was written: {error.strerror}") from error
    try:
        for name, text in files.items():
            (staging / name).parent.mkdir(exist_ok=True)
            write_private(staging / name, text.encode("utf-8", "backslashreplace"))
        for name in files:
            (folder / name).parent.mkdir(exist_ok=True)
            (staging / name).replace(folder / name)
    except OSError as error:
        raise ImportRefused(f"{folder}: it can't be written: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def report(suites: Sequence[ImportedSuite]) -> str:
    """Markdown with every criterion of the originals."""
    lines = ["# What was imported", ""]
    for suite in suites:
        lines += [f"## {suite.name}", "", _cell(suite.description), "", f"{summary(suite)}.", ""]
        lines += ["| criterion | here | scorer | note | original |", "|---|---|---|---|---|"]
        for criterion in sorted(suite.criteria, key=lambda each: OUTCOMES.index(each.outcome), reverse=True):
            cells = (criterion.name, criterion.outcome, criterion.scorer or "", criterion.note, criterion.original)
            lines.append("| " + " | ".join(map(_cell, cells)) + " |")
        if not suite.compares:
            lines += ["", ADVICE]
        if ANSWERED in suite.score:
            lines += ["", "No criterion has a scorer. `answered` only measures whether an answer has text, so that the"]
            lines += ["suite runs and you can review its answers."]
        lines += [
            "",
            f"The gate lines of `{suite.name}.yaml` compare with a base, by a margin that the original does not have.",
            "Choose the margins before you judge a candidate.",
            "",
        ]
    return "\n".join(lines)


def summary(suite: ImportedSuite) -> str:
    """``120 cases, 3 scorers; criteria: 2 equal, 1 near, 0 missing``."""
    counts = ", ".join(f"{sum(criterion.outcome == kind for criterion in suite.criteria)} {kind}" for kind in OUTCOMES)
    return f"{counted(len(suite.rows), 'case')}, {counted(len(suite.score), 'scorer')}; criteria: {counts}"


def as_json(suites: Iterable[ImportedSuite]) -> list[dict[str, Any]]:
    """The suites and their criteria for a program."""
    return [
        {
            "suite": suite.name,
            "cases": len(suite.rows),
            "scorers": len(suite.score),
            "compares_answers": suite.compares,
            "criteria": [
                {name: getattr(criterion, name) for name in Criterion.__slots__} for criterion in suite.criteria
            ],
        }
        for suite in suites
    ]


def _suite_text(suite: ImportedSuite) -> str:
    content: dict[str, Any] = {
        "suite": suite.name,
        "description": suite.description,
        "data": f"{suite.name}.rows.jsonl",
    }
    if suite.messages:
        content["messages"] = [dict(message) for message in suite.messages]
    if suite.params:
        content["params"] = dict(suite.params)
    if any("when" in options for entry in suite.score for options in entry.values()):
        content["tags"] = {"checks": "checks"}
    content["score"] = [dict(entry) for entry in suite.score]
    content["gate"] = list(suite.gate)
    return _comment(suite) + yaml_text(content)


def _gate_text(suite: ImportedSuite) -> str:
    content: dict[str, Any] = {"version": 1, "gate": f"{suite.name}-release", "suites": [suite.name]}
    if not suite.compares:
        content["require"] = [REVIEW_LINE]
    return _comment(suite) + yaml_text(content)


def _comment(suite: ImportedSuite) -> str:
    return "" if suite.compares else fill(ADVICE, 118, initial_indent="# ", subsequent_indent="# ") + "\n"


def yaml_text(content: Mapping[str, Any]) -> str:
    """The content of a suite or a gate as YAML."""
    writer, text = YAML(), StringIO()
    writer.width, writer.allow_unicode = 120, True
    writer.dump(dict(content), text)
    return text.getvalue()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")

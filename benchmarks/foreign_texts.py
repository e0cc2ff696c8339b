"""Counts the rows of foreign texts that ``data fix`` changes unasked: none of these rows has a fault.

``python benchmarks/foreign_texts.py [--rows 20000] [--examples] [--installed]``. No text was read while the rule was
written; only the trials of `audit_trials` were. ``--installed`` leaves out the packages that are downloaded.

| source | package | format |
|---|---|---|
| `manuals` | scipy, pandas, scikit-learn, statsmodels: docstrings with examples | chat |
| `programs` | streamlit, nltk, litellm: functions as they are written, without a fence | completion |
| `services` | botocore: what the operations of a hundred web services are for | Alpaca |
| `catalogues` | wagtail 8.0.1, Sphinx 9.0.4: texts in many languages beside the English ones | ShareGPT |
| `calls` | bfcl-eval 2026.3.23: questions, definitions of tools, and calls with ids | chat |
"""

from __future__ import annotations

import argparse
import ast
import gzip
import importlib.util
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parent.parent)

from benchmarks.audit_trials.packages import archive, members, messages  # noqa: E402
from evaluators.training_data.example_file import joined_rows, read_examples, row_text  # noqa: E402
from evaluators.training_data.rewriting.fix import FixOptions, fix_examples  # noqa: E402

Rows = Iterator[dict[str, Any]]
SHORTEST = 40
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def chat(prompt: str, answer: str) -> dict[str, Any]:
    """A row in the chat format."""
    return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]}


def functions(*packages: str) -> Iterator[tuple[str, str, ast.FunctionDef | ast.ClassDef]]:
    """The name and the source of each function and class of installed packages, as the source files have them."""
    for package in packages:
        spec = importlib.util.find_spec(package)
        for path in sorted(Path(str(spec and spec.origin)).parent.rglob("*.py")):
            source = path.read_text(encoding="utf-8", errors="replace")
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    yield f"{package}.{path.stem}.{node.name}", source, node


def manuals() -> Rows:
    """What a function does, by its docstring."""
    for name, _, node in functions("scipy", "pandas", "sklearn", "statsmodels"):
        text = ast.get_docstring(node)
        if text and len(text) > SHORTEST:
            yield chat(f"What does `{name}` do?", text)


def programs() -> Rows:
    """How a function is written."""
    for name, source, node in functions("streamlit", "nltk", "litellm"):
        text = "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno])
        if SHORTEST < len(text) < 6_000:
            yield {"prompt": f"Write {name}.", "completion": text}


def services() -> Rows:
    """What an operation of a web service is for."""
    spec = importlib.util.find_spec("botocore")
    for path in sorted(Path(str(spec and spec.origin)).parent.glob("data/*/*/service-2.json.gz")):
        model = json.loads(gzip.decompress(path.read_bytes()))
        for name, operation in model.get("operations", {}).items():
            if len(text := operation.get("documentation", "")) > SHORTEST:
                instruction = f"Describe {name} of {model['metadata'].get('serviceId')}."
                yield {"instruction": instruction, "input": "", "output": text}


def catalogues() -> Rows:
    """Texts of programs in other languages."""
    for package, version in (("wagtail", "8.0.1"), ("sphinx", "9.0.4")):
        for name, content in members(archive(package, version, source=False), ".po"):
            language = name.split("/")[-3]
            for _, english, text in messages(content.decode()):
                if len(english) > SHORTEST:
                    turns = [("human", f"{language}: {english}"), ("gpt", text)]
                    yield {"conversations": [{"from": role, "value": said} for role, said in turns]}


def calls() -> Rows:
    """Questions that tools answer, with ids such as providers make."""
    draw = random.Random(47)
    for name, content in members(archive("bfcl-eval", "2026.3.23", source=False), ".json"):
        for line in content.decode().splitlines() if "/BFCL_" in name and "answer" not in name else ():
            row = json.loads(line) if line.startswith('{"id"') else {}
            question, tools = row.get("question"), row.get("function")
            if not question or not tools or not isinstance(question[0], list):
                continue
            key = "call_" + "".join(draw.choices(LETTERS, k=24))
            arguments = json.dumps({"id": draw.randrange(10**15, 10**16), "question": question[0][-1]["content"]})
            call = {"id": key, "type": "function", "function": {"name": tools[0]["name"], "arguments": arguments}}
            yield {
                "messages": [
                    *question[0],
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": key, "content": json.dumps({"reference": key[5:]})},
                    {"role": "assistant", "content": "It is done."},
                ],
                "tools": [{"type": "function", "function": tool} for tool in tools],
            }


INSTALLED: tuple[Callable[[], Rows], ...] = (manuals, programs, services)
SOURCES = (*INSTALLED, catalogues, calls)


def changed(source: Callable[[], Rows], most: int) -> tuple[int, list[tuple[str, bytes]], Counter[str]]:
    """The rows of a source, those that a fix changes or removes with the reason, and how many are suggested."""
    rows = [row_text(row) for row in source()]
    random.Random(source.__name__).shuffle(rows)
    rows = rows[:most]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(joined_rows(rows))
        file = read_examples(path)
        fixed = fix_examples(file, FixOptions())
    wrong = [(f"{change.action}: {change.reason}", rows[change.line - 1]) for change in fixed.changes]
    wrong += [
        ("not the same bytes", row)
        for line, row in enumerate(rows, 1)
        if fixed.rows.get(line) != row and line not in {change.line for change in fixed.changes}
    ]
    return len(rows), wrong, Counter(each.repair for each in fixed.suggestions)


def main() -> None:
    """Print the counts, and fail if a row is changed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=20_000, help="rows of all sources together")
    parser.add_argument("--examples", action="store_true", help="print the rows that are changed")
    parser.add_argument("--installed", action="store_true", help="only the packages of the development environment")
    options = parser.parse_args()
    sources = INSTALLED if options.installed else SOURCES
    bad = 0
    for source in sources:
        rows, wrong, suggested = changed(source, -(-options.rows // len(sources)))
        bad += len(wrong)
        print(f"{source.__name__:<12} {rows:>6,} rows, {len(wrong)} changed; suggested: {dict(suggested)}", flush=True)
        for reason, row in wrong if options.examples else ():
            print(f"  {reason}\n  {row.decode()[:2_000]}")
    print(f"{bad} of the rows are changed")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

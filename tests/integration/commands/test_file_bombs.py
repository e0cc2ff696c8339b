"""Small files that would fill the memory are refused with a clear line: 300 MB and 10 seconds of CPU are enough."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

MOST_KILOBYTES, MOST_SECONDS = 300 * 1024, 10
LEVELS = '{"a":' * 900 + "1" + "}" * 900
SUITE = "suite: s\ndata: DATA\nscore: [exact]\ngate: [exact >= 0.5]\n"
ASSERTION = {"type": "equals", "value": "{{x}}" * 3_000}


def repeated(path: Path) -> None:
    table = pyarrow.table({"prompt": ["x" * 100_000] * 20_000, "completion": ["y"] * 20_000})
    parquet.write_table(table, path, compression="zstd")


def one_value(path: Path) -> None:
    parquet.write_table(pyarrow.table({"prompt": [["x" * (20 << 20)]] * 4}), path, compression="zstd")


def empty_values(path: Path) -> None:
    column = pyarrow.array([[None] * 300_000] * 300, pyarrow.list_(pyarrow.int8()))
    parquet.write_table(pyarrow.table({"prompt": column}), path, compression="zstd")


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("header.json", json.dumps({"eval": {"task": path.stem}}))
        packed.writestr("samples/1.json", b'{"id": "' + b"a" * (500 << 20) + b'"}')


def text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content) and None


FILES: dict[str, Callable[[Path], None]] = {
    "repeated.parquet": repeated,
    "one.parquet": one_value,
    "empty.parquet": empty_values,
    "lists.json": text("[" + "[]," * 5_000_000 + "[]]"),
    "lists.jsonl": text('{"input": "x", "expected": "y", "z": [' + "[]," * 5_000_000 + "[]]}\n"),
    "numbers.jsonl": text('{"input": "x", "expected": "y", "z": [' + "1.5," * 7_000_000 + "1]}\n"),
    "levels.json": text(f'[{{"input": "x", "expected": "y", "z": {LEVELS}}}]'),
    "messages.csv": text("messages,expected\nHello.,yes\n"),
}
SUITES = {f"{name}.yaml": SUITE.replace("DATA", name) for name in FILES} | {
    "aliases.yaml": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(9)),
    "regex.yaml": SUITE.replace("DATA", "small.jsonl").replace(
        "exact]", "regex: {match: '((a{1,500}){1,500}){1,500}'}]"
    ),
}
CALLS = [
    *(["check", name] for name in SUITES),
    *(["data", "audit", name] for name in FILES),
    *(["import", "parquet", name, "--to", "out"] for name in FILES if name.endswith(".parquet")),
    *(["import", "jsonl", name, "--to", "out"] for name in FILES if not name.endswith(".parquet")),
    ["import", "promptfoo", "levels.yaml.json", "--to", "out"],
    ["import", "promptfoo", "aliases.yaml", "--to", "out"],
    ["import", "promptfoo", "template.json", "--to", "out"],
    ["gate", "one.eval", "two.eval"],
    ["gate", "result.json", "levels.json"],
]


LAUNCHER = f"""
import resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_CPU, ({MOST_SECONDS}, {MOST_SECONDS}))
code = subprocess.run([sys.executable, "-m", "fairtrial_cli.main", *sys.argv[1:]], stderr=subprocess.STDOUT).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Measures one command. A child's figure begins with its parent's, so the parent is small."""


def usage(folder: Path, *arguments: str) -> tuple[int, str, int]:
    """The exit code, what is printed, and the most kilobytes of one command."""
    call = [sys.executable, "-c", LAUNCHER, *arguments]
    printed, _, last = subprocess.run(call, cwd=folder, capture_output=True, text=True).stdout.strip().rpartition("\n")
    code, kilobytes = map(int, last.split())
    return code, printed, kilobytes


@pytest.mark.release("attacks")
def test_a_bomb_is_refused_in_little_memory_and_time(tmp_path: Path) -> None:
    for name, write in FILES.items():
        write(tmp_path / name)
    for name, content in SUITES.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "small.jsonl").write_text('{"input": "x", "expected": "y"}\n')
    archive(tmp_path / "one.eval")
    archive(tmp_path / "two.eval")
    (tmp_path / "result.json").write_text(f'{{"results": {LEVELS}}}')
    (tmp_path / "levels.yaml.json").write_text(f'{{"prompts": ["p"], "tests": [{{"vars": {{"x": {LEVELS}}}}}]}}')
    template = {"prompts": ["{{x}}" * 5_000], "tests": [{"vars": {"x": "a" * 100_000}, "assert": [ASSERTION]}]}
    (tmp_path / "template.json").write_text(json.dumps(template))
    wrong = []
    for call in CALLS:
        code, printed, kilobytes = usage(tmp_path, *call)
        if code != 2 or kilobytes > MOST_KILOBYTES or "Traceback" in printed:
            wrong.append((call, code, kilobytes // 1024, printed[-200:]))
    assert wrong == []

"""mypy refuses functions of `dataclasses` where they would meet a struct of msgspec."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fixtures.paths import ROOT

PROGRAM = """
from dataclasses import asdict, astuple, dataclass, replace

from msgspec import Struct


class Level(Struct):
    n: int


@dataclass
class Row:
    level: Level | None = None
    rows: "tuple[Row, ...]" = ()


@dataclass
class Plain:
    n: int


def right(row: Row, plain: Plain) -> object:
    return asdict(plain), astuple(plain), replace(plain, n=1), replace(row, level=None)


def wrong(row: Row, level: Level) -> object:
    asdict(row)
    astuple(row)
    return [replace(level, n=1)]  # type: ignore[type-var]
"""


def test_each_function_is_refused_on_a_struct_and_the_first_two_on_one_inside_a_dataclass(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    plugin = ROOT / "scripts" / "no_struct_as_dataclass.py"
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nplugins = {plugin}\ncache_dir = {tmp_path / 'cache'}\n")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "program.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    errors = [line for line in result.stdout.splitlines() if "does not work on structs of msgspec: Level" in line]
    first = PROGRAM.splitlines().index("    asdict(row)") + 1
    assert [line.split(": ")[0] for line in errors] == [f"program.py:{first + at}" for at in range(3)], result.stdout

"""Every test of `make release` belongs to a part that runs it, within the time that is left."""

from __future__ import annotations

import re
import subprocess
import sys
import time

from scripts.test_run.parts import PARTS
from tests.fixtures.paths import ROOT

MARK = re.compile(r"""pytest\.mark\.release\(["'](\w+)["']\)""")


def test_each_part_has_tests_and_each_test_has_a_part() -> None:
    texts = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    marked = {name for text in texts for name in MARK.findall(text)} - {"part"}
    assert marked == {part.name for part in PARTS if not part.program}


def test_programs_of_parts_exist() -> None:
    assert [part.program for part in PARTS if part.program and not (ROOT / part.program[0]).is_file()] == []


def test_what_does_not_fit_into_the_time_is_named_and_is_no_failure() -> None:
    command = [sys.executable, "-m", "scripts.test_run", "release", "--until", str(time.time() - 1)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    left_out = done.stdout.split("left out for time: ")[1].splitlines()[0].split(", ")
    assert left_out == [part.name for part in PARTS]
    assert "failed: none" in done.stdout

"""The exit code is the verdict's also if nobody reads the output, and that of a crash is never a verdict's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.services.gate_project import GATE, record, write_gate_project

SCRIPT = Path(sys.executable).with_name("fairtrial")
JUDGE = f"{SCRIPT} gate gate.yaml --candidate tuned --baseline base"
PIPE_BUFFER = 65_536
PATIENCE = 120
RARE = pytest.mark.release("attacks")
"""Other readers and streams, which close the same pipe."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose candidate is a SHIP; by its large gate the JSON is larger than the buffer of a pipe."""
    folder = write_gate_project(tmp_path_factory.mktemp("piped"))
    lines = "".join(f"  - small.exact >= {10 + number / 100:.2f}%\n" for number in range(200))
    (folder / "large.yaml").write_text(f"{GATE}require:\n{lines}")
    record(folder, "base", 150)
    record(folder, "tuned", 150)
    return folder


def piped(project: Path, script: str) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-c", f"set -o pipefail; {script}"]
    return subprocess.run(words, cwd=project, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.release("stories")
@pytest.mark.parametrize("output", ["", pytest.param(" --json -", marks=RARE)])
@pytest.mark.parametrize("reader", ["head -c 1", pytest.param("true", marks=RARE)])
def test_a_reader_that_leaves_changes_no_exit_code(project: Path, output: str, reader: str) -> None:
    done = piped(project, f"{JUDGE}{output} | {reader}")
    assert (done.returncode, done.stderr) == (0, "")


@RARE
def test_output_beyond_the_buffer_of_a_pipe_changes_no_exit_code(project: Path) -> None:
    command = JUDGE.replace("gate.yaml", "large.yaml") + " --json -"
    assert len(piped(project, command).stdout) > PIPE_BUFFER
    assert piped(project, f"{command} 2>&1 | head -1").returncode == 0


@pytest.mark.release("stories")
@pytest.mark.parametrize(
    "streams", [pytest.param("2>&-", marks=RARE), ">&- 2>&-", pytest.param("2>&1 | true", marks=RARE)]
)
def test_closed_streams_change_no_exit_code(project: Path, streams: str) -> None:
    assert piped(project, f"{JUDGE} {streams}").returncode == 0
    assert piped(project, f"{SCRIPT} gate gate.yaml --nothing {streams}").returncode == 2


CRASHES = {
    "an error of the program": "raise KeyError('x')",
    "the other end of a connection": "import errno; raise BrokenPipeError(errno.EPIPE, 'Broken pipe')",
}


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("streams", [pytest.param("", marks=RARE), "2>&1 | true"])
def test_a_crash_has_an_exit_code_that_is_no_verdicts(tmp_path: Path, crash: str, streams: str) -> None:
    folder = write_gate_project(tmp_path)
    # Python imports `sitecustomize` at its start, so that the real command meets the error.
    (folder / "sitecustomize.py").write_text(
        "import fairtrial_cli.commands.gate as gate\n\n\n"
        f"def crash(*_, **__):\n    {CRASHES[crash]}\n\n\ngate.project_of = crash\n"
    )
    words = ["bash", "-c", f"set -o pipefail; {JUDGE} {streams}"]
    environ = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 70, done.stderr
    assert ("not a verdict" in done.stderr) == (not streams)

"""A hostile scorer under `fairtrial eval`: it reads nothing, harms nothing, hangs nothing, whatever it tries."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.run import Score, ScoreFailure
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.paths import ROOT
from tests.fixtures.services.command import fairtrial, in_process
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import client_reads
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

pytestmark = pytest.mark.release("attacks")

PROGRAM = (ROOT / "tests" / "fixtures" / "evaluators" / "hostile_scorer.txt").read_text(encoding="utf-8")
TRICKS = [name for name in re.findall(r"(?m)^def (\w+)", PROGRAM) if name not in ("to_the_answers", "nothing")][:-1]
SUITE = "suite: theirs\ndata: rows.jsonl\nscore:\n  - own: {name: hostile, file: hostile.py, seconds: 3}\n"
LONGER_THAN_A_PIPE = "canary " + "x" * 200_000
CANARIES = ("canary", "sk-", "stolen")
ENVIRONMENT = {"OPENAI_API_KEY": "sk-canary-of-the-environment"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    message = {"role": "assistant", "content": LONGER_THAN_A_PIPE}
    with FakeUpstream() as upstream:
        upstream.script = {"kind": "json", "answer": {"choices": [{"message": message, "finish_reason": "stop"}]}}
        write_project(tmp_path, upstream=f"http://127.0.0.1:{upstream.port}", workers=1)
        (tmp_path / "hostile.py").write_text(PROGRAM)
        (tmp_path / "suite.yaml").write_text(SUITE)
        (tmp_path / ".env").write_text("KEY=sk-canary-of-the-file\n")
        Layout(tmp_path / "fairtrial.duckdb").admin_key.parent.mkdir()
        (tmp_path / "fairtrial.duckdb.d" / "admin.key").write_text("sk-canary-of-the-admin")
        yield tmp_path


def write_trusted(folder: Path, port: int) -> None:
    """A case of each trick, and after it one without: a scorer that ends five times in a row is given up."""
    rows = [
        {"id": f"{at:02d}-{trick}-{name}", "input": "?", "trick": name, "project": str(folder), "port": port}
        for at, trick in enumerate(TRICKS)
        for name in (trick, "nothing")
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    trusted = in_process("check", "suite.yaml", "--trust-scorers", cwd=folder)
    assert trusted.returncode == 0, trusted.stderr


def outcome(score: Score | ScoreFailure) -> str:
    return score.why if isinstance(score, ScoreFailure) else str(score.values["value"])


def test_no_trick_reads_harms_or_hangs_anything(folder: Path) -> None:
    project = (folder / "fairtrial.yaml").read_bytes()
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(tcp.getsockname())
        for listening in (tcp, udp):
            listening.setblocking(False)
        write_trusted(folder, tcp.getsockname()[1])
        command = ("eval", "suite.yaml", "--on", "base", "--concurrency", "1")
        done = fairtrial(*command, cwd=folder, env=os.environ | ENVIRONMENT)
        assert done.returncode == 4, f"it ends, and its unscored cases are no evidence: {done.stderr}"
        for receive in (tcp.accept, lambda: udp.recv(100)):
            with pytest.raises(BlockingIOError):
                receive()
    assert "does not keep" not in done.stderr, "this kernel has the means"
    with open_store(Layout(folder / "fairtrial.duckdb")) as store:
        [run] = client_reads.latest_runs(store, target="base")
    outcomes = {result.case.case_id: outcome(result.scores["hostile"]) for result in run.results}
    assert len(TRICKS) >= 15 and len(outcomes) == 2 * len(TRICKS)
    assert {name: why for name, why in outcomes.items() if why == "1.0"} == {}, "harm was done"
    assert {name: why for name, why in outcomes.items() if any(text in why for text in CANARIES)} == {}
    assert not any("\x1b" in why for why in outcomes.values())
    assert sum(why == "0.0" for why in outcomes.values()) > len(TRICKS) / 2, "other cases are scored"
    assert (folder / "fairtrial.yaml").read_bytes() == project
    assert stat.S_IMODE((folder / "fairtrial.yaml").stat().st_mode) != 0o777


def test_a_system_without_the_means_says_so_before_the_scorer_runs(folder: Path) -> None:
    write_trusted(folder, 1)
    program = [sys.executable, "-m", "tests.fixtures.services.without_fence_means"]
    command = [*program, "eval", "suite.yaml", "--on", "base", "--limit", "1"]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE)
    missing = "does not keep a scorer from the files and the processes of this user (no Landlock), or from the network"
    assert missing in done.stderr, done.stderr
    assert done.stderr.index(missing) < done.stderr.index("gateway"), "before anything is started"

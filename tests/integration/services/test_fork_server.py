"""A command that the fork server starts behaves as one that a new interpreter runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.interpreter_probe import FIXED
from tests.fixtures.paths import ROOT
from tests.fixtures.services import fork_server
from tests.fixtures.waiting import PATIENCE

PROBE = "tests.fixtures.interpreter_probe"
WAYS = ("return", "words", "number", "fault", "interrupt", "killed", "input", "closed")


def both(way: str, **options: Any) -> list[tuple[subprocess.CompletedProcess[str], Mapping[str, Any]]]:
    """The outcome and the description of the probe: forked, and with a new interpreter."""
    command = [sys.executable, "-m", PROBE, way, "an argument"]
    usual: dict[str, Any] = {"cwd": ROOT, "env": dict(os.environ), "input": "some input"}
    more: dict[str, Any] = usual | {"capture_output": True, "text": True, "timeout": PATIENCE} | options
    done = [run(command, **more) for run in (fork_server.run, subprocess.run)]
    return [(one, json.loads(one.stdout.splitlines()[0])) for one in done]


@pytest.mark.parametrize("way", WAYS)
def test_a_forked_command_ends_as_a_new_interpreter_does(way: str) -> None:
    (forked, is_), (fresh, should) = both(way)
    assert forked.returncode == fresh.returncode
    assert forked.stdout.splitlines()[1:] == fresh.stdout.splitlines()[1:]
    assert forked.stderr.splitlines()[-1:] == fresh.stderr.splitlines()[-1:]
    assert {name: is_[name] for name in FIXED} == {name: should[name] for name in FIXED}


def test_a_forked_command_has_its_own_folder_environment_and_session(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:/nowhere", "ONLY_HERE": "1"}
    environ.pop("HOME", None)
    (_, is_), (_, should) = both("return", cwd=tmp_path, env=environ, start_new_session=True)
    assert {name: is_[name] for name in FIXED} == {name: should[name] for name in FIXED}
    assert is_["session"][:2] == [True, True] and is_["cwd"] == str(tmp_path) and "HOME" not in is_["environ"]


def test_a_forked_command_has_the_descriptors_that_it_is_given() -> None:
    reader, writer = os.pipe()
    code = f"import os; os.write({writer}, b'written')"
    with fork_server.Popen(
        [sys.executable, "-m", "timeit", "-n1", "-r1", code], pass_fds=[writer], stdout=2
    ) as process:
        assert process.wait(PATIENCE) == 0
    os.close(writer)
    assert os.read(reader, 100) == b"written" and os.read(reader, 100) == b""
    os.close(reader)


def test_forked_commands_draw_different_random_numbers() -> None:
    drawn = [both("return")[0][1]["random"] for _ in range(2)]
    assert not set(drawn[0]) & set(drawn[1])


def test_what_a_fork_cannot_represent_starts_a_new_interpreter() -> None:
    command = [sys.executable, "-m", PROBE, "return"]
    assert fork_server.can_fork(command, {**os.environ, "PYTHONPATH": "/x", "HOME": "/y"})
    for name in ("PYTHONHASHSEED", "LC_ALL", "TZ", "OPENBLAS_NUM_THREADS"):
        assert not fork_server.can_fork(command, {**os.environ, name: "5"})
    assert not fork_server.can_fork([sys.executable, "-P", *command[1:]], os.environ)
    assert not fork_server.can_fork(["sh", "-c", "true"], os.environ)
    done = fork_server.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "5"}, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[0])["environ"]["PYTHONHASHSEED"] == "5"


def test_signals_reach_a_forked_command_and_a_timeout_ends_it() -> None:
    sleeping = [sys.executable, "-m", "timeit", "-n", "1", "-s", "import time; time.sleep(60)"]
    with fork_server.Popen(sleeping, stderr=subprocess.DEVNULL) as process:
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == -signal.SIGTERM == process.poll()
    with pytest.raises(subprocess.TimeoutExpired):
        fork_server.run(sleeping, timeout=0.1)
    with pytest.raises(FileNotFoundError):
        fork_server.run(sleeping, cwd="/no/such/folder")


def test_the_server_ends_with_the_process_that_started_it() -> None:
    """Killed, a process closes its end of the socket too."""
    code = (
        "import os, sys\n"
        "from tests.fixtures.services import fork_server\n"
        "server = fork_server._servers[os.getpid()] = fork_server.Server(preloaded=())\n"
        "fork_server.run([sys.executable, '-m', 'this'], stdout=2)\n"
        "print(server.process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL and "Zen of Python" in killed.stderr
    deadline = time.monotonic() + PATIENCE
    while is_running(int(killed.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False

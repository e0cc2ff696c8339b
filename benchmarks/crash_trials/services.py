"""Runs control and the gateway's workers for the kill trials, and restarts control as soon as it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.wire.servers import free_port
from fairtrial.config.layout import Layout

ROOT = Path(__file__).parents[2]
PROGRAM_OF_0_1_0 = ROOT / "tests" / "fixtures" / "releases" / "0.1.0" / "program.zip"
FIRST_RELEASE, PRESENT = "0.1.0", "now"
COMMAND_LINE = {FIRST_RELEASE: "fairtrial.cli.main", PRESENT: "fairtrial_cli.main"}
GATEWAY = "import gateway.proxy.supervisor as it; it.STEADY_SECONDS = 0.0; from {main} import main; main()"
"""The release's own supervisor, without its growing delay before a restart: a victim must soon work again."""
POLL, PATIENCE = 0.005, 60.0
PROJECT = """\
version: 1
deployments:
  base: {{model: openai/base, base_url: "http://127.0.0.1:{upstream}/v1"}}
  tuned: {{model: openai/tuned, base_url: "http://127.0.0.1:{upstream}/v1", parent: base}}
routes:
  bench: {{experiment: trial, fallback: base}}
metrics:
  resolved: {{from: feedback, key: resolved, kind: boolean}}
experiments:
  trial:
    question: Does a kill lose a request?
    unit: user
    control: base
    variants:
      base: {{deployment: base}}
      tuned: {{deployment: tuned}}
    split: {{base: 50, tuned: 50}}
    primary: {{metric: feedback.resolved, require: superior, mde: 3pp}}
store: {{path: ./fairtrial.duckdb}}
gateway: {{bind: "127.0.0.1:{gateway}", workers: {workers}}}
control: {{bind: "127.0.0.1:{control}"}}
"""


@dataclass(slots=True)
class Services:
    """Control and one gateway in a folder. ``release``: the gateway's; control is always the present one."""

    folder: Path
    upstream: int
    release: str
    workers: int = 2
    gateway_port: int = field(default_factory=free_port)
    control_port: int = field(default_factory=free_port)
    control_starts: int = 0
    seen_workers: set[int] = field(default_factory=set)
    unexpected: list[str] = field(default_factory=list)
    _control: subprocess.Popen[bytes] | None = None
    _gateway: subprocess.Popen[bytes] | None = None
    _ending: bool = False

    @property
    def layout(self) -> Layout:
        return Layout(self.folder / "fairtrial.duckdb")

    def start(self) -> None:
        """Start both, and wait until both are ready."""
        ports = {"upstream": self.upstream, "gateway": self.gateway_port, "control": self.control_port}
        (self.folder / "fairtrial.yaml").write_text(PROJECT.format(workers=self.workers, **ports))
        self.tend()
        self.wait_until(lambda: self.control_is_ready() and _is_ready(self.gateway_port))

    def tend(self) -> None:
        """Start what has ended; note whatever ended without a kill."""
        if self._control is None or self._control.poll() is not None:
            self._note_exit("control", self._control, -signal.SIGKILL)
            self._control = self._run("control", PRESENT, "-m", COMMAND_LINE[PRESENT], "control")
            self.control_starts += 1
        if self._gateway is None or self._gateway.poll() is not None:
            self._note_exit("gateway", self._gateway, 0 if self._ending else None)
            code = GATEWAY.format(main=COMMAND_LINE[self.release])
            self._gateway = self._run("gateway", self.release, "-c", code, "gateway")
            self._ending = False
        self.seen_workers.update(self.worker_pids())

    def upgrade(self) -> None:
        """Replace the workers by the present ones: let the old gateway drain; `tend` starts the new one after it."""
        assert self._gateway is not None
        self.release, self._ending = PRESENT, True
        self._gateway.terminate()

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Tend until this is true; raises `RuntimeError` after a minute."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the services do not work again after {PATIENCE:.0f} seconds; see {self.folder}")
            self.pause(POLL)

    def pause(self, seconds: float) -> None:
        """Tend for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.tend()
            time.sleep(min(POLL, left))

    def control_pid(self) -> int | None:
        """The control process, unless it has ended."""
        return self._control.pid if self._control is not None and self._control.poll() is None else None

    def worker_pids(self) -> list[int]:
        """The workers that live: the children of the gateway's supervisor."""
        pid = self._gateway.pid if self._gateway is not None else 0
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return []
        return [int(one) for one in children if lives(int(one))]

    def control_is_ready(self) -> bool:
        """Whether control answers that it has published the plan."""
        return _is_ready(self.control_port)

    def stop(self) -> None:
        """End the gateway, then control, each as its own orders are: with SIGTERM."""
        for process in (self._gateway, self._control):
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.unexpected.append(f"process {process.args!r} did not end by itself")

    def _note_exit(self, name: str, process: subprocess.Popen[bytes] | None, expected: int | None) -> None:
        if process is not None and process.returncode != expected:
            self.unexpected.append(f"{name} ended with code {process.returncode}")
            if len(self.unexpected) > 10:
                raise RuntimeError(f"{name} ends again and again; see {self.folder}")

    def _run(self, name: str, release: str, *words: str) -> subprocess.Popen[bytes]:
        """A process that ends with this one, whatever ends this one; its output goes to a file."""
        program = {} if release == PRESENT else {"PYTHONPATH": str(PROGRAM_OF_0_1_0)}
        child = [sys.executable, "-m", "fairtrial_cli.processes.child", str(os.getpid())]
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [*child, sys.executable, *words]
            return subprocess.Popen(command, cwd=self.folder, env={**os.environ, **program}, stdout=log, stderr=log)


def lives(pid: int) -> bool:
    """Whether the process runs; a killed one that its parent has not waited for is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
